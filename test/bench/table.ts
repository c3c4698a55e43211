/** Rows of figures as one table of text. A figure that a workload does not have stays empty. */

export interface Row {
  readonly workload: string
  readonly events?: number
  /** User and system time of the whole process. */
  readonly cpuSeconds?: number
  /** From spawn to the first 200 of /readyz. */
  readonly readyMs?: number
  /** Resident memory when nothing happens, and at its peak. */
  readonly idleMiB?: number
  readonly peakMiB?: number
  readonly note: string
}

const whole = (value: number | undefined) =>
  value === undefined || Number.isNaN(value) ? '' : Math.round(value).toLocaleString('en')

const COLUMNS: readonly (readonly [string, (row: Row) => string])[] = [
  ['events', row => whole(row.events)],
  ['CPU s', row => row.cpuSeconds?.toFixed(2) ?? ''],
  [
    'events/CPU-s',
    ({ events, cpuSeconds }) =>
      events === undefined || cpuSeconds === undefined || cpuSeconds === 0 ? '' : whole(events / cpuSeconds)
  ],
  ['ready ms', row => whole(row.readyMs)],
  ['idle MiB', row => whole(row.idleMiB)],
  ['peak MiB', row => whole(row.peakMiB)]
]

/** Lines of the table, its head included. */
export function tableOf(rows: readonly Row[]): string[] {
  const cells = [
    ['workload', ...COLUMNS.map(([title]) => title), 'how'],
    ...rows.map(row => [row.workload, ...COLUMNS.map(([, cell]) => cell(row)), row.note])
  ]
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map(row => row[column]?.length ?? 0)))
  return cells.map(row =>
    row
      .map((cell, column) =>
        column === 0 || column === row.length - 1
          ? cell.padEnd(widths[column] ?? 0)
          : cell.padStart(widths[column] ?? 0)
      )
      .join('  ')
      .trimEnd()
  )
}
