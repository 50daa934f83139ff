/**
 * What dpkg is told: the control file, and the scripts that it runs. The only shell in sluice, since dpkg knows nothing else; no
 * word of it comes from outside.
 *
 * There is no conffile: what is under `/etc/sluice` is written by `join` and `hub init`, so an upgrade has nothing to merge and
 * asks nothing, and purging takes it away.
 */
import { unitNames } from '../systemd/units.ts';

export interface Described {
  readonly version: string;
  /** Debian's name: amd64, arm64. */
  readonly architecture: string;
  /** In kibibytes. */
  readonly size: number;
  /** Whether the package brings Node with it. */
  readonly bundled: boolean;
}

/** Debian 12's own Node is 18, so a package that brings none needs one from elsewhere. */
const runtime = { bundled: 'libc6 (>= 2.28), libgcc-s1, libstdc++6', system: 'nodejs (>= 20.19)' };

export function control({ version, architecture, size, bundled }: Described): string {
  return `Package: sluice
Version: ${version}
Architecture: ${architecture}
Maintainer: sluice <sluice@localhost>
Installed-Size: ${size}
Depends: ${bundled ? runtime.bundled : runtime.system}, passwd
Recommends: systemd
Suggests: rabbitmq-server, openssl
Section: admin
Priority: optional
Description: watches a cloud and turns its taps
 Agents watch servers, hubs judge and keep what they see, and a RabbitMQ
 broker is between them. After installing: sluice join, with the line that
 "sluice hub init" or "sluice token new" printed on the hub.
`;
}

/** A user for each process; the join unit is root, to give files away. */
const users = ['sluice', 'sluice-hub', 'sluice-enrol', 'sluice-actuators'] as const;
const units = unitNames.map((name) => `${name}.service`).join(' ');
const script = (body: string): string => `#!/bin/sh\nset -e\n${body}exit 0\n`;

export const scripts: Readonly<Record<'postinst' | 'prerm' | 'postrm', string>> = {
  postinst: script(`if [ "$1" = configure ]; then
  for user in ${users.join(' ')}; do
    getent passwd "$user" >/dev/null ||
      useradd --system --user-group --no-create-home --home-dir "/var/lib/$user" --shell /usr/sbin/nologin "$user"
  done
  [ -d /etc/sluice ] || install -d -m 755 /etc/sluice
  if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    # After an upgrade: what runs goes on as the new version. Nothing else is started: join and hub init do that.
    [ -z "$2" ] || for unit in ${units}; do
      [ "$unit" = sluice-join.service ] || systemctl try-restart "$unit" || true
    done
  fi
fi
`),
  prerm: script(`if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl stop ${units} || true
fi
`),
  postrm: script(`if [ "$1" = remove ] || [ "$1" = purge ]; then
  # Also where systemd does not run: what was enabled is a link.
  for unit in ${units}; do rm -f "/etc/systemd/system/multi-user.target.wants/$unit"; done
  rmdir --ignore-fail-on-non-empty /etc/systemd/system/multi-user.target.wants 2>/dev/null || true
  [ ! -d /run/systemd/system ] || systemctl daemon-reload || true
fi
if [ "$1" = purge ]; then
  rm -rf /etc/sluice
  for user in ${users.join(' ')}; do
    rm -rf "/var/lib/$user"
    ! getent passwd "$user" >/dev/null || userdel "$user"
    # Where a group of that name has other members, it stays with them.
    ! getent group "$user" >/dev/null || groupdel "$user" || true
  done
fi
`),
};
