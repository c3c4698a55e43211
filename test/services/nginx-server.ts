/**
 * A real nginx in a folder of its own, on free loopback ports, and the requests that are sent to it: raw
 * bytes, so that a hostile client can be one. Each request says what the log must hold of it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const BINARY = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'].find(existsSync)
/** False where there is no nginx. */
export const nginxAvailable = BINARY !== undefined

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

/** The format that the documentation recommends, every value quoted. */
const JSON_FORMAT = [
  '{"time":"$time_iso8601","msec":"$msec","remote_addr":"$remote_addr","remote_user":"$remote_user","method":"$request_method","uri":"$uri",',
  '"protocol":"$server_protocol","status":"$status","bytes":"$body_bytes_sent","request_time":"$request_time","upstream_addr":"$upstream_addr","upstream_status":"$upstream_status",',
  '"request_id":"$request_id","user_agent":"$http_user_agent","xff":"$http_x_forwarded_for","host":"$host","mcp_session_id":"$http_mcp_session_id",',
  '"mcp_protocol_version":"$http_mcp_protocol_version","mcp_method":"$http_mcp_method","mcp_name":"$http_mcp_name"}'
]
  .map(part => `'${part}'`)
  .join('\n    ')

const configuration = (folder: string, port: number) => `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log crit;
events { worker_connections 256; }
http {
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  log_format main '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"';
  log_format keywatch escape=json ${JSON_FORMAT};
  access_log ${folder}/combined.log combined;
  access_log ${folder}/main.log main;
  access_log ${folder}/json.log keywatch;
  server {
    listen 127.0.0.1:${port};
    listen unix:${folder}/nginx.sock;
    location / { return 200 "ok"; }
    location /deny { return 401; }
    location /forbid { return 403; }
    location /gone { return 444; }
    location /broken { return 503; }
  }
}
`

export interface Nginx {
  readonly folder: string
  /** Sends bytes on a connection of their own, and resolves with what came back once it is closed. */
  send(bytes: Buffer | string, by?: 'tcp' | 'unix'): Promise<Buffer>
  /** As logrotate does after renaming. */
  reopen(): void
  stop(): Promise<void>
}

function exchange(
  to: { port: number; host: string } | { path: string },
  bytes: Buffer | string
): Promise<Buffer> {
  return new Promise(resolve => {
    const pieces: Buffer[] = []
    const socket = connect(to)
    const done = () => resolve(Buffer.concat(pieces))
    socket.on('data', piece => pieces.push(piece))
    socket.on('close', done)
    // A reset is an answer too: close follows.
    socket.on('error', () => {})
    socket.setTimeout(10_000, () => socket.destroy())
    socket.write(bytes)
  })
}

const exited = (child: ChildProcess) =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise<void>(resolve => child.once('exit', () => resolve()))

/** Starts it and waits until it listens. Rejects if it is missing or ends instead. */
export async function startNginx(): Promise<Nginx> {
  if (BINARY === undefined) throw new Error('nginx is missing')
  const folder = mkdtempSync(join(tmpdir(), 'keywatch-nginx-'))
  const port = await freePort()
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port))
  const child = spawn(BINARY, ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: 'ignore'
  })
  const stop = async () => {
    child.kill('SIGTERM')
    await exited(child)
    rmSync(folder, { recursive: true, force: true })
  }
  for (
    let tries = 0;
    !existsSync(join(folder, 'nginx.sock')) || !existsSync(join(folder, 'nginx.pid'));
    tries++
  ) {
    if (child.exitCode !== null || tries > 500) {
      await stop()
      throw new Error('nginx did not start')
    }
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return {
    folder,
    send: (bytes, by = 'tcp') =>
      exchange(by === 'unix' ? { path: join(folder, 'nginx.sock') } : { port, host: '127.0.0.1' }, bytes),
    reopen: () => void child.kill('SIGUSR1'),
    stop
  }
}

/** One request, and what must stand in the event. */
export interface Sent {
  readonly name: string
  readonly bytes: Buffer | string
  readonly by?: 'unix'
  /** Undefined: there is no request line that anybody could read. */
  readonly method: string | undefined
  /** As sent. */
  readonly target?: string
  readonly agent?: string
  readonly user?: string
  readonly forwarded?: readonly string[]
  readonly mcp?: { readonly method: string; readonly tool: string }
}

const basic = (user: string) =>
  `Authorization: Basic ${Buffer.from(`${user}:not-a-secret`).toString('base64')}\r\n`
const get = (target: string, headers = '', method = 'GET') =>
  `${method} ${target} HTTP/1.1\r\nHost: mcp.example.com\r\nConnection: close\r\n${headers}\r\n`
const ordinary = (target: string, method = 'GET'): Sent => ({
  name: `${method} ${target}`,
  bytes: get(target, 'User-Agent: node\r\n', method),
  method,
  target,
  agent: 'node'
})

/** A first flight of TLS 1.3, as a client sends it to the wrong port. */
const TLS_HELLO = Buffer.from(
  '16030102000100 01fc0303 00010203040506070809 0a22 5c 0d0a'.replaceAll(' ', ''),
  'hex'
)

export const REQUESTS: readonly Sent[] = [
  ordinary('/mcp'),
  ordinary('/mcp', 'POST'),
  ordinary('/mcp', 'DELETE'),
  ordinary('/mcp', 'OPTIONS'),
  ordinary('/', 'HEAD'),
  ordinary('/', 'PROPFIND'),
  ordinary('/deny/mcp', 'POST'),
  ordinary('/forbid?x=1'),
  ordinary('/gone'),
  ordinary('/broken'),
  ordinary('/.well-known/oauth-protected-resource'),
  ordinary('/q?a=1&b=%20c&d=e?f'),
  ordinary(`/long/${'x'.repeat(3000)}`),
  ordinary('/quote"in\\the\'path'),
  ordinary('/%22%5C%0A'),
  // Refused before nginx reads any header.
  {
    name: 'a zero byte in the path',
    bytes: get('/%00', 'User-Agent: node\r\n'),
    method: 'GET',
    target: '/%00'
  },
  {
    name: 'a way out of the root',
    bytes: get('/../etc', 'User-Agent: node\r\n'),
    method: 'GET',
    target: '/../etc'
  },
  ordinary('http://mcp.example.com/absolute?x'),
  { name: 'a path with spaces', bytes: get('/a b c'), method: 'GET', target: '/a b c' },
  { name: 'raw UTF-8 in the path', bytes: get('/Ü/€?ß'), method: 'GET', target: '/Ü/€?ß' },
  {
    name: 'bytes that are no UTF-8',
    bytes: Buffer.from(get('/\xff\xfe'), 'latin1'),
    method: 'GET',
    target: '/\ufffd\ufffd'
  },
  { name: 'HTTP/0.9', bytes: 'GET /old\r\n', method: 'GET', target: '/old' },
  { name: 'HTTP/1.0', bytes: 'GET /ten HTTP/1.0\r\n\r\n', method: 'GET', target: '/ten' },
  {
    name: 'TLS to the wrong port',
    bytes: Buffer.concat([TLS_HELLO, Buffer.from('\r\n\r\n')]),
    method: undefined
  },
  {
    name: 'HTTP/2 with prior knowledge',
    bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    method: 'PRI',
    target: '*'
  },
  { name: 'no HTTP at all', bytes: 'hello world\r\n\r\n', method: undefined },
  {
    name: 'binary',
    bytes: Buffer.from([0, 1, 2, 0xff, 0x22, 0x5c, 0x0d, 0x0a, 0x0d, 0x0a]),
    method: undefined
  },
  {
    name: 'an agent that forges the rest of a line',
    bytes: get('/q', 'User-Agent: evil" 200 1 "-" "spoof\\x22\r\n'),
    method: 'GET',
    target: '/q',
    agent: 'evil" 200 1 "-" "spoof\\x22'
  },
  { name: 'an empty agent', bytes: get('/q', 'User-Agent:\r\n'), method: 'GET', target: '/q' },
  {
    name: 'an agent in UTF-8',
    bytes: get('/q', 'User-Agent: ✓ Ü\r\n'),
    method: 'GET',
    target: '/q',
    agent: '✓ Ü'
  },
  {
    name: 'a user with quotes, brackets and spaces',
    bytes: get('/q', basic('a"b\\c [x]')),
    method: 'GET',
    target: '/q',
    user: 'a"b\\c [x]'
  },
  {
    name: 'a user that imitates the rest of a line',
    bytes: get('/q', basic('x [22/Nov/2026:04')),
    method: 'GET',
    target: '/q',
    user: 'x [22/Nov/2026'
  },
  { name: 'a request by unix socket', bytes: get('/q'), by: 'unix', method: 'GET', target: '/q' },
  {
    name: 'addresses that were forwarded',
    bytes: get('/q', 'X-Forwarded-For: 203.0.113.9, 2001:db8::1, junk"\r\n'),
    method: 'GET',
    target: '/q',
    forwarded: ['203.0.113.9', '2001:db8::1']
  },
  {
    name: 'an MCP call with its headers',
    bytes: get('/mcp', 'Mcp-Method: tools/call\r\nMcp-Name: =?base64?Z3LDvMOfZQ==?=\r\n', 'POST'),
    method: 'POST',
    target: '/mcp',
    mcp: { method: 'tools/call', tool: 'grüße' }
  },
  {
    name: 'a header that is too large',
    bytes: get('/q', `X-Big: ${'y'.repeat(70_000)}\r\n`),
    method: 'GET',
    target: '/q'
  },
  {
    name: 'no Host',
    bytes: 'GET /nohost HTTP/1.1\r\nConnection: close\r\n\r\n',
    method: 'GET',
    target: '/nohost'
  }
]
