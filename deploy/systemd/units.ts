/**
 * The systemd units, as text: what a package installs, what `sluice join` installs where there is no package, and what
 * `sluice doctor` compares with. Each process has a user of its own, so that none reads another's secrets.
 *
 *     sluice-agent       watches this server. No capability, and groups only to read logs
 *     sluice-hub         filters, history and page. Sees no other process of its machine
 *     sluice-enrol       lets servers in: alone with the broker administrator's password
 *     sluice-join        once, on a server made from a golden image: asks for the identity that the agent then has
 *     sluice-actuators   changes the firewall: CAP_NET_ADMIN, and nothing else. Never enabled by itself
 *
 * `MemoryDenyWriteExecute` is missing on purpose: V8 makes code at run time, and Node ends with it.
 */
export interface Installed {
  /** The program that units start, with its first words: `/usr/bin/sluice`, or node and a file. */
  readonly command: string;
  /** Where the system's config is. Default: `/etc/sluice`. */
  readonly etc?: string;
  /** The groups by which logs are read; one that the system does not have would stop the unit. Default: Debian's. */
  readonly logGroups?: readonly string[];
}

export const unitNames = ['sluice-agent', 'sluice-hub', 'sluice-enrol', 'sluice-join', 'sluice-actuators'] as const;
export type UnitName = (typeof unitNames)[number];

/** Groups that may read logs on Debian. */
export const logGroups = ['adm', 'systemd-journal'] as const;

/** What holds for all of them: nothing of the system can be written, and the kernel's odd corners are closed. */
const hardening = [
  'NoNewPrivileges=yes',
  'ProtectSystem=strict',
  'PrivateTmp=yes',
  'ProtectKernelTunables=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelLogs=yes',
  'ProtectControlGroups=yes',
  'ProtectClock=yes',
  'ProtectHostname=yes',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'LockPersonality=yes',
  'RemoveIPC=yes',
  'SystemCallArchitectures=native',
  'SystemCallErrorNumber=EPERM',
  'UMask=0077',
];
const secluded = ['ProtectHome=yes', 'PrivateDevices=yes'];
const systemCalls = ['SystemCallFilter=@system-service', 'SystemCallFilter=~@privileged @resources'];
const noCapability = ['CapabilityBoundingSet=', 'AmbientCapabilities='];
const online = ['After=network-online.target', 'Wants=network-online.target'];

/** A process that stays: started again for ever, a second apart (an event that kills it is found by a few deaths), and given time to empty its spool. */
const service = (command: string, words: string, user: string): string[] => [
  'Type=exec',
  `ExecStart=${command} ${words}`,
  `User=${user}`,
  `Group=${user}`,
  `StateDirectory=${user}`,
  'StateDirectoryMode=0700',
  'Restart=always',
  'RestartSec=1',
  'TimeoutStopSec=10',
  'KillMode=mixed',
  'LimitNOFILE=65536',
  ...hardening,
  ...systemCalls,
];

/** The contents of `<name>.service`. */
export function unitsFor({ command, etc = '/etc/sluice', logGroups: groups = logGroups }: Installed): Record<UnitName, string> {
  const needs = (file: string) => ['StartLimitIntervalSec=0', `ConditionPathExists=${etc}/${file}`];
  return {
    'sluice-agent': unit(
      ['Description=sluice: watches this server', ...online, 'After=sluice-join.service', ...needs('config.yaml')],
      [
        ...service(command, `run ${etc}/config.yaml`, 'sluice'),
        `SupplementaryGroups=${groups.join(' ')}`,
        ...noCapability,
        // It measures what is mounted, so that has to be in sight: what it may open is limited instead.
        'ProtectHome=read-only',
        'DevicePolicy=closed',
        'MemoryHigh=192M',
        'MemoryMax=384M',
        'CPUWeight=20',
      ],
    ),
    'sluice-hub': unit(
      ['Description=sluice: filters, history and page', ...online, ...needs('hub/config.yaml')],
      [...service(command, `run ${etc}/hub/config.yaml`, 'sluice-hub'), ...noCapability, ...secluded, 'ProtectProc=invisible'],
    ),
    'sluice-enrol': unit(
      ['Description=sluice: lets servers join', ...online, ...needs('enrol/config.yaml')],
      [
        ...service(command, `hub enrol ${etc}/enrol/config.yaml`, 'sluice-enrol'),
        ...noCapability,
        ...secluded,
        'ProtectProc=invisible',
        'ProcSubset=pid',
        'MemoryMax=256M',
      ],
    ),
    'sluice-join': unit(
      [
        'Description=sluice: asks for the identity of this server, once',
        ...online,
        'Before=sluice-agent.service',
        // Also when the hub was away at first, and the agent had nothing to start with.
        'OnSuccess=sluice-agent.service',
        ...needs('join'),
        `ConditionPathExists=!${etc}/identity`,
      ],
      [
        'Type=oneshot',
        `ExecStart=${command} join --from ${etc}/join --no-start`,
        'Restart=on-failure',
        'RestartSec=15',
        ...hardening,
        ...secluded,
        'SystemCallFilter=@system-service',
        `ReadWritePaths=${etc}`,
        // It is root to give the files to the agent's user, and may do nothing else as such.
        'CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE',
      ],
    ),
    'sluice-actuators': unit(
      ['Description=sluice: changes firewall and bandwidth of this server', ...online, ...needs('actuators/config.yaml')],
      [
        ...service(command, `run ${etc}/actuators/config.yaml`, 'sluice-actuators'),
        ...secluded,
        'CapabilityBoundingSet=CAP_NET_ADMIN',
        'AmbientCapabilities=CAP_NET_ADMIN',
      ],
    ),
  };
}

function unit(head: readonly string[], body: readonly string[]): string {
  return ['[Unit]', ...head, '', '[Service]', ...body, '', '[Install]', 'WantedBy=multi-user.target', ''].join('\n');
}

/** The directives that limit a unit: what a test without systemd as PID 1 imitates. */
export function directive(text: string, name: string): string[] {
  return text.split('\n').flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));
}
