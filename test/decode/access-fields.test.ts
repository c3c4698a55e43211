/** Does what the table remembers of one record ever show in the next? */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AccessField, AccessFields } from '../../src/decode/access-fields.ts'

const FIELDS: readonly AccessField[] = ['method', 'uri', 'status', 'address', 'host', 'user', 'tool', 'time']
const name = fc.constantFrom(
  ...[
    'request',
    'response',
    'headers',
    'Host',
    'host',
    'method',
    'path',
    'status',
    'mcp',
    'tool',
    'actor',
    'user'
  ],
  ...['time', 'ip', 'x', '7', '__proto__', 'request.method', 'mcp.tool', 'constructor']
)
const record = fc.letrec<{ object: Record<string, unknown>; value: unknown }>(tie => ({
  object: fc.dictionary(name, tie('value'), { maxKeys: 8 }),
  value: fc.oneof({ depthSize: 'small' }, fc.string(), fc.integer(), fc.constant(null), tie('object'))
})).object

const told = (fields: AccessFields, data: Record<string, unknown>) => {
  fields.load(data)
  return FIELDS.map(field => fields.value(field))
}

describe('the fields of an access log', () => {
  it('are those of this record alone, whatever records came before', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 2, maxLength: 8 }), records => {
        const used = new AccessFields()
        for (const data of [...records, ...records])
          expect(told(used, data)).toEqual(told(new AccessFields(), data))
      })
    )
  })

  it('are found beyond the keys that are remembered', () => {
    const many = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`k${i}`, i]))
    const fields = new AccessFields()
    for (const status of [200, 404]) expect(told(fields, { ...many, status })[2]).toBe(status)
  })
})
