/** What is a listen address? `host:port`, an IPv6 host in brackets (RFC 3986, section 3.2.2). */
import { isIP, isIPv4, isIPv6 } from 'node:net'
import type { Address } from '../core/settings.ts'

const HOST =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/

/** Undefined if the text is no address. Port 0 lets the system choose. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  if (!match) return undefined
  const [, bracketed, bare, digits] = match
  const port = Number(digits)
  if (port > 65535) return undefined
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : undefined
  const host = bare ?? ''
  const numeric = /^[\d.]+$/.test(host)
  return isIP(host) === 4 || (!numeric && HOST.test(host)) ? { host, port } : undefined
}

/** True if only this machine reaches it. A name other than `localhost` may resolve to anything: it is public. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost' || host === '::1') return true
  return isIPv4(host) && host.startsWith('127.')
}

export const sameAddress = (a: Address, b: Address): boolean =>
  a.port !== 0 && a.port === b.port && a.host === b.host
