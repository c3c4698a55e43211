/**
 * Attributes and AnyValue of OTLP in protobuf (opentelemetry-proto v1.11.0, `common.proto`).
 *
 *   KeyValue { 1 key, 2 value }      ArrayValue { 1 values }      KeyValueList { 1 values }
 *   AnyValue { 1 string, 2 bool, 3 int64, 4 double, 5 ArrayValue, 6 KeyValueList, 7 bytes }
 *
 * A case label is the whole tag: number * 8 + wire type. Lists and maps recurse, to DEPTH_MAX levels.
 */
import { type Attributes, DEPTH_MAX, type OtlpValue, put, type Tally, TOO_DEEP } from './otlp-record.ts'
import type { Wire } from './otlp-wire.ts'

/** KeyValue { 1 key, 2 value } into `target`, which is made when there is none. The last of equal keys stays. */
export function keyValue(
  wire: Wire,
  tally: Tally,
  target: Attributes | undefined,
  depth: number
): Attributes {
  const into = target ?? {}
  const outer = wire.enter()
  let key = ''
  let value: OtlpValue = null
  if (tally.take()) {
    while (wire.at < wire.end) {
      const tag = wire.tag()
      if (tag === 10) key = wire.key()
      else if (tag === 18) value = anyValue(wire, tally, depth)
      else wire.skip(tag)
    }
    tally.size += key.length
    put(into, key, value)
  }
  wire.leave(outer)
  return into
}

/** AnyValue; of several members the last counts; none is null. `depth`: lists and maps around it. */
export function anyValue(wire: Wire, tally: Tally, depth: number): OtlpValue {
  const outer = wire.enter()
  let value: OtlpValue = null
  while (wire.at < wire.end) {
    const tag = wire.tag()
    switch (tag) {
      case 10:
        value = wire.text()
        tally.size += value.length
        break
      case 16:
        value = wire.uint() !== 0
        break
      case 24:
        value = wire.int64()
        break
      case 33:
        value = wire.double()
        break
      case 42:
        value = depth >= DEPTH_MAX ? tooDeep(wire, tally, tag) : arrayValue(wire, tally, depth + 1)
        break
      case 50:
        value = depth >= DEPTH_MAX ? tooDeep(wire, tally, tag) : keyValueList(wire, tally, depth + 1)
        break
      case 58:
        value = wire.base64()
        tally.size += value.length
        break
      default:
        wire.skip(tag)
    }
  }
  wire.leave(outer)
  return value
}

function tooDeep(wire: Wire, tally: Tally, tag: number): string {
  wire.skip(tag)
  tally.cut = true
  return TOO_DEEP
}

function arrayValue(wire: Wire, tally: Tally, depth: number): OtlpValue[] {
  const outer = wire.enter()
  const list: OtlpValue[] = []
  while (wire.at < wire.end) {
    const tag = wire.tag()
    if (tag === 10 && tally.take()) list.push(anyValue(wire, tally, depth))
    else wire.skip(tag)
  }
  wire.leave(outer)
  return list
}

function keyValueList(wire: Wire, tally: Tally, depth: number): Attributes {
  const outer = wire.enter()
  let map: Attributes = {}
  while (wire.at < wire.end) {
    const tag = wire.tag()
    if (tag === 10) map = keyValue(wire, tally, map, depth)
    else wire.skip(tag)
  }
  wire.leave(outer)
  return map
}
