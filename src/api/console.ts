/**
 * The console's static files, read once at the start from src/console. A request chooses among names that
 * are already in a map, so no part of a URL ever becomes a path.
 */
import { readdir, readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { type Answer, notFound } from './answers.ts'
import type { ApiRoute } from './deps.ts'

const FOLDER = new URL('../console/', import.meta.url)
const TYPES: ReadonlyMap<string, string> = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.svg', 'image/svg+xml'],
  ['.png', 'image/png'],
  ['.ico', 'image/x-icon']
])

/** Name to answer, for every file of a type that a browser is to get. */
async function load(): Promise<ReadonlyMap<string, Answer>> {
  const files = new Map<string, Answer>()
  for (const name of await readdir(FOLDER)) {
    const type = TYPES.get(extname(name))
    if (type === undefined) continue
    const text = await readFile(new URL(name, FOLDER))
    files.set(name, { status: 200, headers: { 'content-type': type }, text })
  }
  return files
}

/** Open in every scope: the files hold no data, and the page needs a token to get any. */
export async function consoleRoutes(): Promise<ApiRoute[]> {
  const files = await load()
  const send = async (name: string) => {
    const found = files.get(name)
    if (found === undefined) throw notFound('The console has no such file.')
    return found
  }
  return [
    { method: 'GET', path: '/', scope: 'open', handle: () => send('index.html') },
    {
      method: 'GET',
      path: '/console/:file',
      scope: 'open',
      handle: call => send(call.params['file'] ?? '')
    }
  ]
}
