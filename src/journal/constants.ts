/**
 * The constants of the journal format (docs/journal-format.md). The only file that the writer and the
 * verifier share: everything else the verifier knows, it knows from the document.
 */
export const FORMAT_VERSION = 1
/** Every control line begins so, and no event does: an OCSF event has no top-level member `keywatch`. */
export const CONTROL_START = '{"keywatch":"'
export const HEADER_START = '{"keywatch":"segment"'
export const COMMIT_START = '{"keywatch":"commit"'
/** The hash covers a control line up to and including these bytes. */
export const HASH_START = ',"hash":"'
/** What follows the 64 hex digits. */
export const HASH_END = '"}\n'
export const HASH_HEX = 64
/** The chain starts from 32 zero bytes. */
export const GENESIS = '0'.repeat(64)
export const PLAIN_SUFFIX = '.ndjson'
export const SEALED_SUFFIX = '.ndjson.zst'
export const CHECKPOINT_FILE = 'checkpoints.ndjson'
/** Zstandard frame and skippable-frame magic numbers (RFC 8878) and the seek table's footer (zstd seekable format 0.1.0). */
/** The skippable frame before the seek table: SHA-256 over all compressed frames. */
export const DIGEST_FRAME_MAGIC = 0x184d2a5f
export const SEEK_FRAME_MAGIC = 0x184d2a5e
export const SEEK_FOOTER_MAGIC = 0x8f92eab1
