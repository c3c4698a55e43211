/** The little Markdown that generated pages need: tables, and blocks between markers that are rewritten. */

/** Text in a table cell: no bar that would end it, no line break. */
const cell = (text: string) => text.replaceAll(/(?<!\\)\|/g, '\\|').replaceAll(/\s*\n\s*/g, ' ')

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

/** `x` as code; nothing stays nothing. Marks that Markdown would read are left alone inside code. */
export const code = (text: string | undefined) =>
  text === undefined || text === '' ? '' : text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``

export const start = (name: string) => `<!-- generated: ${name} -->`
export const END = '<!-- /generated -->'

/** The page with each named block replaced. Throws if a marker is missing: a block must not vanish unseen. */
export function withBlocks(page: string, blocks: Readonly<Record<string, string>>): string {
  let result = page
  for (const [name, text] of Object.entries(blocks)) {
    const from = result.indexOf(start(name))
    const to = result.indexOf(END, from)
    if (from === -1 || to === -1) throw new Error(`the page has no block "${name}"`)
    result = `${result.slice(0, from)}${start(name)}\n${text}\n${result.slice(to)}`
  }
  return result
}

/** The bodies of all fenced blocks in a language. */
export const fenced = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    match => match[1] ?? ''
  )

/** Targets of links that are files of the project, without fragments. */
export const fileLinks = (page: string): string[] =>
  [...page.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(match => (match[1] ?? '').split('#')[0] ?? '')
    .filter(target => target !== '' && !/^[a-z]+:/.test(target))
