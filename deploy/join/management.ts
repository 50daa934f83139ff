/**
 * A broker's management API, as far as sluice sets a broker up and lets servers in: virtual host, exchange, queue, users and
 * their rights, policies. The credential is an administrator's, so it goes over loopback or TLS only.
 */
import { ConfigError, messageOf, SluiceError, z } from 'sluice';

export interface Administrator {
  /** As in `http://127.0.0.1:15672`. */
  readonly api: string;
  readonly username: string;
  readonly password: string;
}

/** A call that the broker refused, with its HTTP status. */
export class ManagementError extends SluiceError {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

export interface Management {
  /** @throws ManagementError when the broker says no, SluiceError when it is away */
  call(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: readonly string[],
    body?: object,
    query?: Readonly<Record<string, string>>,
  ): Promise<unknown>;
}

const patienceMs = 15_000;
const maxAnswerBytes = 4 * 1024 * 1024;

/** @throws ConfigError when the address would carry a password in the clear */
export function openManagement({ api, username, password }: Administrator, fetcher: typeof fetch = fetch): Management {
  const base = URL.canParse(api) ? new URL(api) : undefined;
  if (!base || !/^https?:$/.test(base.protocol) || base.username !== '')
    throw new ConfigError(`hub: the management API's address is none; write it as in http://127.0.0.1:15672`);
  if (base.protocol === 'http:' && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(base.hostname))
    throw new ConfigError(
      `hub: an administrator's password would go to ${base.hostname} in the clear; use https, or run this on the broker's machine`,
    );
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return {
    async call(method, path, body, query) {
      const url = `${base.origin}/api/${path.map(encodeURIComponent).join('/')}${query ? `?${new URLSearchParams(query)}` : ''}`;
      const response = await fetcher(url, {
        method,
        redirect: 'error',
        signal: AbortSignal.timeout(patienceMs),
        headers: { authorization, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
      }).catch((cause: unknown) => {
        const why = messageOf(cause instanceof Error && cause.cause !== undefined ? cause.cause : cause);
        throw new SluiceError(
          `hub: the management API at ${base.origin} does not answer (${why}); enable it: rabbitmq-plugins enable rabbitmq_management`,
          { cause },
        );
      });
      const text = (await response.text()).slice(0, maxAnswerBytes);
      if (!response.ok)
        throw new ManagementError(
          `hub: ${base.origin} refused ${method} ${path.join('/')} (${response.status} ${reasonOf(text)})`,
          response.status,
        );
      if (text === '') return undefined;
      try {
        return JSON.parse(text) as unknown;
      } catch (cause) {
        throw new SluiceError(`hub: ${base.origin} is not RabbitMQ's management API`, { cause });
      }
    },
  };
}

const refusal = z.object({ reason: z.string() });

function reasonOf(text: string): string {
  try {
    return refusal.parse(JSON.parse(text)).reason.slice(0, 200);
  } catch {
    return text.slice(0, 100);
  }
}

/** Whether the user is there. */
export async function hasUser(management: Management, user: string): Promise<boolean> {
  return management.call('GET', ['users', user]).then(
    () => true,
    (thrown: unknown) => {
      if (thrown instanceof ManagementError && thrown.status === 404) return false;
      throw thrown;
    },
  );
}

/** Takes a user away, and with it its connections. */
export async function removeUser(management: Management, user: string): Promise<void> {
  await management.call('DELETE', ['users', user]).catch((thrown: unknown) => {
    if (!(thrown instanceof ManagementError && thrown.status === 404)) throw thrown;
  });
}
