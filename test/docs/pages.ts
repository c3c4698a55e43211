/** Every generated page and block of the documentation, as it should be today. */
import { readFileSync } from 'node:fs'
import { loadCatalog } from '../../src/catalog.ts'
import { loadCommands } from '../../src/cli.ts'
import { loadConfig } from '../../src/config/load.ts'
import { openDetectors } from '../../src/parts.ts'
import { fakeLog } from '../fakes/log.ts'
import { exampleBlocks } from './journal-example.ts'
import { withBlocks } from './markdown.ts'
import { contextsTable, detectorsTable, sinksTable, sourcesTable } from './parts.ts'
import { type Described, renderReference } from './reference.ts'

export const ROOT = new URL('../../', import.meta.url)
export const readPage = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8')

async function describe(): Promise<Described> {
  const catalog = await loadCatalog()
  const { config } = loadConfig({ env: {}, catalog })
  if (config === undefined) throw new Error('the embedded default is no valid configuration')
  const [commands, engine] = await Promise.all([
    loadCommands(undefined),
    openDetectors({ config, log: fakeLog() })
  ])
  return { catalog, commands, detectors: engine.detectors }
}

/** Path → text, for each page that is generated or holds generated blocks. */
export async function generatedPages(): Promise<Map<string, string>> {
  const described = await describe()
  const { catalog, detectors } = described
  return new Map([
    ['docs/reference.md', renderReference(described)],
    [
      'README.md',
      withBlocks(readPage('README.md'), {
        sources: sourcesTable(catalog),
        sinks: sinksTable(catalog),
        contexts: contextsTable(catalog),
        detectors: detectorsTable(detectors, file => `detectors/${file}`)
      })
    ],
    ['docs/journal-format.md', withBlocks(readPage('docs/journal-format.md'), exampleBlocks())]
  ])
}
