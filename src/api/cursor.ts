/**
 * What the opaque `cursor` of a list is: the key (time, sequence) of the last row of a page, so that a page
 * starts strictly after it however many rows came in meanwhile. It carries no authority: whoever makes one
 * up gets a page that the filters allow anyway, so its shape is checked and it is not signed.
 */
import type { JournalName } from '../core/store.ts'
import { invalidQuery } from './answers.ts'

export interface PageKey {
  readonly time: number
  readonly sequence: number
}

const PREFIX: Readonly<Record<JournalName, string>> = { events: 'e', findings: 'f' }
const SHAPE = /^([ef])(-?\d{1,16})\.(\d{1,16})$/

export const encodeCursor = (journal: JournalName, key: PageKey): string =>
  Buffer.from(`${PREFIX[journal]}${key.time}.${key.sequence}`).toString('base64url')

/** Throws ApiError 400 unless this listener could have made the cursor for a list of this journal. */
export function decodeCursor(journal: JournalName, text: string): PageKey {
  const match = /^[A-Za-z0-9_-]{1,64}$/.test(text)
    ? SHAPE.exec(Buffer.from(text, 'base64url').toString('latin1'))
    : null
  const key = { time: Number(match?.[2]), sequence: Number(match?.[3]) }
  const right =
    match?.[1] === PREFIX[journal] &&
    Number.isSafeInteger(key.time) &&
    Number.isSafeInteger(key.sequence) &&
    encodeCursor(journal, key) === text
  if (!right) throw invalidQuery('cursor must be the value of next from an earlier page of this list.')
  return key
}
