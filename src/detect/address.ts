/**
 * Is an IP address in a network? For the modifier `cidr`.
 *
 * Notation: RFC 4632 (IPv4), RFC 4291 sections 2.2 and 2.3 (IPv6). An IPv4-mapped IPv6 address (RFC 4291,
 * section 2.5.5.2) is the IPv4 address.
 */
import { isIP } from 'node:net'

interface Address {
  readonly bits: 32 | 128
  readonly value: bigint
}

/** IPv4 in dotted form → 32 bits; -1 if it is none. No leading zeros: some readers take those for octal. */
function parseV4(text: string): number {
  let value = 0
  let part = -1
  let parts = 0
  for (let index = 0; index <= text.length; index++) {
    const digit = index === text.length ? -2 : text.charCodeAt(index) - 48
    if (digit === -2) {
      if (part < 0) return -1
      value = value * 256 + part
      part = -1
      if (++parts > 4) return -1
    } else if (digit < 0 || digit > 9 || part === 0) return -1
    else {
      part = (part < 0 ? 0 : part * 10) + digit
      if (part > 255) return -1
    }
  }
  return parts === 4 ? value : -1
}

const MAPPED = 0xffffn

/** Any address; undefined if the text is none. A zone (`%eth0`) is not part of it. */
function parseAddress(text: string): Address | undefined {
  const v4 = parseV4(text)
  if (v4 >= 0) return { bits: 32, value: BigInt(v4) }
  const bare = text.includes('%') ? text.slice(0, text.indexOf('%')) : text
  if (bare.length > 45 || isIP(bare) !== 6) return undefined
  let hex = bare
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(bare)
  if (dotted) {
    const low = parseV4(dotted[2] ?? '')
    hex = `${dotted[1]}${Math.floor(low / 65536).toString(16)}:${(low % 65536).toString(16)}`
  }
  const [left = '', right] = hex.split('::')
  const head = left === '' ? [] : left.split(':')
  const tail = right === undefined || right === '' ? [] : right.split(':')
  const groups = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => '0'), ...tail]
  let value = 0n
  for (const group of groups) value = (value << 16n) | BigInt(Number.parseInt(group, 16))
  return value >> 32n === MAPPED ? { bits: 32, value: value & 0xffffffffn } : { bits: 128, value }
}

/**
 * Compiles `10.0.0.0/8`, `2001:db8::/32` or a single address to a test over texts.
 * Returns a reason instead if it is no network, for instance with bits beyond the prefix.
 */
export function compileNetwork(text: string): ((address: string) => boolean) | string {
  const slash = text.indexOf('/')
  const network = parseAddress(slash < 0 ? text : text.slice(0, slash))
  if (network === undefined) return 'expected an IP network, for instance 10.0.0.0/8'
  const prefix = slash < 0 ? network.bits : Number(text.slice(slash + 1))
  if (!/^\d{1,3}$/.test(text.slice(slash + 1)) && slash >= 0) return 'the length of the prefix is wrong'
  if (prefix > network.bits) return 'the length of the prefix is wrong'
  const shift = network.bits - prefix
  if ((network.value >> BigInt(shift)) << BigInt(shift) !== network.value) {
    return 'the network has bits set beyond its prefix'
  }
  if (network.bits === 32) {
    const divisor = 2 ** shift
    const wanted = Math.floor(Number(network.value) / divisor)
    return address => {
      const v4 = parseV4(address)
      if (v4 >= 0) return Math.floor(v4 / divisor) === wanted
      if (!address.includes(':')) return false
      const parsed = parseAddress(address)
      return parsed?.bits === 32 && Math.floor(Number(parsed.value) / divisor) === wanted
    }
  }
  const wanted = network.value >> BigInt(shift)
  return address => {
    if (!address.includes(':')) return false
    const parsed = parseAddress(address)
    return parsed?.bits === 128 && parsed.value >> BigInt(shift) === wanted
  }
}
