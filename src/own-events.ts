/** Events of Keywatch about its own use: who looked up what. They are journaled and forwarded like any other. */
import type { AuditEntry } from './api/deps.ts'
import { lifecycle } from './core/build.ts'
import { reasonOf } from './core/errors.ts'
import type { Journal, Log } from './core/ports.ts'
import { uuidV7 } from './lib/event-id.ts'

const nextId = uuidV7()

/** The API's audit hook: one event per lookup, with fingerprints and never a secret. */
export const auditInto =
  (journal: Journal, log: Log) =>
  (entry: AuditEntry): void => {
    const event = lifecycle('Credential lookup', {
      time: entry.time,
      message: 'a credential was looked up',
      keywatch: {
        action: `keywatch.${entry.action}`,
        vendor: {
          caller: entry.caller,
          address: entry.address,
          found: entry.found,
          fingerprints: entry.fingerprints.join(' ')
        }
      }
    })
    event.metadata.uid = nextId(entry.time)
    event.metadata.logged_time = entry.time
    event.unmapped.keywatch.source = 'keywatch'
    event.unmapped.keywatch.source_type = 'keywatch'
    journal
      .append([event])
      .catch(error => log.error({ reason: reasonOf(error) }, 'a lookup could not be audited'))
  }
