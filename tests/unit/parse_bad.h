/* The malformed files of tests/fuzz/corpus (tools/golden/corpus_parse.py makes them) and the
 * message of each, with paths relative to the corpus folder. */
#ifndef PARSE_BAD_H
#define PARSE_BAD_H

#include "base/error.h"

typedef struct {
    const char *file;
    as_class class_;
    const char *text;
} bad_row;

/* clang-format off */
static const bad_row bad_npz[] = {
    {"bad-central-gap.npz", AS_EFORMAT,
     "bad-central-gap.npz: byte 246: 13 bytes after the last central header"},
    {"bad-central-sign.npz", AS_EFORMAT,
     "bad-central-sign.npz: byte 195: no central header of member 0"},
    {"bad-checksum.npz", AS_EFORMAT,
     "bad-checksum.npz: x.npy: checksum of the data differs from the stored one"},
    {"bad-cut-last.npz", AS_EFORMAT,
     "bad-cut-last.npz: not a ZIP archive, or cut: no end record that closes the file"},
    {"bad-cut.npz", AS_EFORMAT,
     "bad-cut.npz: not a ZIP archive, or cut: no end record that closes the file"},
    {"bad-data-past-end.npz", AS_EFORMAT,
     "bad-data-past-end.npz: x.npy: data past the end (found 140 bytes, expected 9999)"},
    {"bad-deflate-less.npz", AS_EFORMAT,
     "bad-deflate-less.npz: x.npy: expanded size (found only 140 bytes, expected 144)"},
    {"bad-deflate-more.npz", AS_EFORMAT,
     "bad-deflate-more.npz: x.npy: expanded size (found over 136 bytes, expected 136)"},
    {"bad-deflate.npz", AS_EFORMAT,
     "bad-deflate.npz: x.npy: damaged data (Zlib error: data error)"},
    {"bad-empty.npz", AS_EFORMAT,
     "bad-empty.npz: not a ZIP archive (found 0 bytes, expected at least 22)"},
    {"bad-encrypted.npz", AS_EFORMAT, "bad-encrypted.npz: x.npy: encrypted"},
    {"bad-end-count-less.npz", AS_EFORMAT,
     "bad-end-count-less.npz: byte 441: 51 bytes after the last central header"},
    {"bad-end-count.npz", AS_EFORMAT,
     "bad-end-count.npz: byte 246: members (found 3, but room for 1)"},
    {"bad-end-parts.npz", AS_EFORMAT, "bad-end-parts.npz: archive in several parts"},
    {"bad-end-place.npz", AS_EFORMAT,
     "bad-end-place.npz: byte 246: central directory (found 51 bytes at 1, expected it to "
     "end at byte 246)"},
    {"bad-expanded-not-yet.npz", AS_ELIMIT,
     "bad-expanded-not-yet.npz: x.npy: archive expands to over 200 times its 236 bytes"},
    {"bad-expanded.npz", AS_ELIMIT,
     "bad-expanded.npz: x.npy: expanded archive is over 8589934592 bytes"},
    {"bad-extra-end.npz", AS_EFORMAT, "bad-extra-end.npz: x.npy: extra field past its end"},
    {"bad-extra-missing.npz", AS_EFORMAT,
     "bad-extra-missing.npz: x.npy: local header: 64-bit extra field is missing or too "
     "short"},
    {"bad-extra-twice.npz", AS_EFORMAT, "bad-extra-twice.npz: x.npy: 64-bit extra field twice"},
    {"bad-local-crc.npz", AS_EFORMAT,
     "bad-local-crc.npz: x.npy: local header: flags, method or checksum differ from the "
     "central directory"},
    {"bad-local-method.npz", AS_EFORMAT,
     "bad-local-method.npz: x.npy: local header: flags, method or checksum differ from the "
     "central directory"},
    {"bad-local-name.npz", AS_EFORMAT,
     "bad-local-name.npz: x.npy: another name in the local header at byte 0"},
    {"bad-local-sign.npz", AS_EFORMAT, "bad-local-sign.npz: x.npy: no local header at byte 0"},
    {"bad-local-size-long.npz", AS_EFORMAT,
     "bad-local-size-long.npz: x.npy: local header: sizes (found 140 and 1099511627776 "
     "stored, expected 140 and 140 as in the central directory)"},
    {"bad-local-size.npz", AS_EFORMAT,
     "bad-local-size.npz: x.npy: local header: sizes (found 4 and 140 stored, expected 140 "
     "and 140 as in the central directory)"},
    {"bad-local-start.npz", AS_EFORMAT,
     "bad-local-start.npz: x.npy: local header at byte 268 is past the end"},
    {"bad-long-differs.npz", AS_EFORMAT,
     "bad-long-differs.npz: byte 350: end record and 64-bit end record differ"},
    {"bad-long-members.npz", AS_ELIMIT,
     "bad-long-members.npz: members (found 1152921504606846976, expected at most 1000)"},
    {"bad-long-parts.npz", AS_EFORMAT, "bad-long-parts.npz: archive in several parts"},
    {"bad-long-place.npz", AS_EFORMAT,
     "bad-long-place.npz: byte 338: place of the 64-bit end record"},
    {"bad-long-sign.npz", AS_EFORMAT, "bad-long-sign.npz: byte 274: malformed 64-bit end record"},
    {"bad-long-size.npz", AS_EFORMAT,
     "bad-long-size.npz: byte 350: central directory (found 18446744069414584320 bytes at "
     "195, expected it to end at byte 274)"},
    {"bad-members.npz", AS_ELIMIT, "bad-members.npz: members (found 1001, expected at most 1000)"},
    {"bad-method-lzma.npz", AS_EFORMAT,
     "bad-method-lzma.npz: x.npy: compression method (found 14, expected 0 stored or 8 "
     "deflate)"},
    {"bad-method-zstd.npz", AS_EFORMAT,
     "bad-method-zstd.npz: x.npy: compression method (found 93, expected 0 stored or 8 "
     "deflate)"},
    {"bad-name-absolute.npz", AS_EFORMAT,
     "bad-name-absolute.npz: byte 196: member name: \"/x.npy\": unsafe name (found an "
     "absolute path, expected a plain relative name)"},
    {"bad-name-backslash.npz", AS_EFORMAT,
     "bad-name-backslash.npz: byte 197: member name: \"a\\x.npy\": unsafe name (found a "
     "backslash, expected a plain relative name)"},
    {"bad-name-control.npz", AS_EFORMAT,
     "bad-name-control.npz: \\x1b[2J\\xe2\\x80\\xae.npy: byte 0: not an NPY array"},
    {"bad-name-empty.npz", AS_EFORMAT,
     "bad-name-empty.npz: byte 190: member name: \"\": unsafe name (found an empty name, "
     "expected a plain relative name)"},
    {"bad-name-nul.npz", AS_EFORMAT,
     "bad-name-nul.npz: byte 196: member name \"x\\x00.npy\" holds a NUL"},
    {"bad-name-up.npz", AS_EFORMAT,
     "bad-name-up.npz: byte 198: member name: \"../x.npy\": unsafe name (found \"..\", "
     "expected a plain relative name)"},
    {"bad-name-utf8.npz", AS_EFORMAT,
     "bad-name-utf8.npz: byte 196: member name \"\\xff\\x1b.npy\" is not UTF-8"},
    {"bad-not-array.npz", AS_EFORMAT,
     "bad-not-array.npz: readme.txt: not an array (expected a member NAME.npy)"},
    {"bad-npy-big-endian.npz", AS_EFORMAT,
     "bad-npy-big-endian.npz: x.npy: byte 20: big-endian array (found '>f4', expected "
     "'<f4'); convert with a.astype('<f4')"},
    {"bad-npy-bool.npz", AS_EFORMAT,
     "bad-npy-bool.npz: x.npy: element 2: bool (found byte 2, expected 0 or 1)"},
    {"bad-npy-call.npz", AS_EFORMAT,
     "bad-npy-call.npz: x.npy: byte 60: header (found \"__import__('os')\", expected a "
     "shape in parentheses)"},
    {"bad-npy-complex.npz", AS_EFORMAT,
     "bad-npy-complex.npz: x.npy: byte 20: element type (found '<c8', expected one of f2 "
     "f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1, little-endian)"},
    {"bad-npy-data-less.npz", AS_EFORMAT,
     "bad-npy-data-less.npz: x.npy: shape (3) of '<f4': data (found 11 bytes, expected 12)"},
    {"bad-npy-data-more.npz", AS_EFORMAT,
     "bad-npy-data-more.npz: x.npy: shape (3) of '<f4': data (found 13 bytes, expected 12)"},
    {"bad-npy-dims.npz", AS_ELIMIT,
     "bad-npy-dims.npz: x.npy: byte 85: shape has over 8 dimensions"},
    {"bad-npy-escape.npz", AS_EFORMAT,
     "bad-npy-escape.npz: x.npy: byte 23: header (found \"\\x34'}          \", expected a "
     "plain character)"},
    {"bad-npy-expression.npz", AS_EFORMAT,
     "bad-npy-expression.npz: x.npy: byte 62: header (found \"+2,)}           \", expected "
     "',' or ')')"},
    {"bad-npy-header.npz", AS_ELIMIT,
     "bad-npy-header.npz: x.npy: byte 8: header length (found 70068, expected at most "
     "65536)"},
    {"bad-npy-key-missing.npz", AS_EFORMAT,
     "bad-npy-key-missing.npz: x.npy: byte 10: header lacks key 'shape'"},
    {"bad-npy-key-twice.npz", AS_EFORMAT,
     "bad-npy-key-twice.npz: x.npy: byte 27: key 'descr' twice"},
    {"bad-npy-key-unknown.npz", AS_EFORMAT,
     "bad-npy-key-unknown.npz: x.npy: byte 57: header (found \"\\x1b': (3,)}       \", "
     "expected a plain character)"},
    {"bad-npy-length-cut.npz", AS_EFORMAT,
     "bad-npy-length-cut.npz: x.npy: byte 8: cut in the header length"},
    {"bad-npy-length.npz", AS_EFORMAT,
     "bad-npy-length.npz: x.npy: byte 8: header length (found 9999, expected at most 69)"},
    {"bad-npy-long-double.npz", AS_EFORMAT,
     "bad-npy-long-double.npz: x.npy: byte 20: element type (found '<f16', expected one of "
     "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1, little-endian)"},
    {"bad-npy-magic.npz", AS_EFORMAT, "bad-npy-magic.npz: x.npy: byte 0: not an NPY array"},
    {"bad-npy-newline.npz", AS_EFORMAT,
     "bad-npy-newline.npz: x.npy: byte 67: header ends (expected blanks and a newline at "
     "the end)"},
    {"bad-npy-no-colon.npz", AS_EFORMAT,
     "bad-npy-no-colon.npz: x.npy: byte 19: header (found \"'<f4'}          \", expected "
     "':')"},
    {"bad-npy-no-comma.npz", AS_EFORMAT,
     "bad-npy-no-comma.npz: x.npy: byte 26: header (found \"'fortran_order':\", expected "
     "',' or '}')"},
    {"bad-npy-no-dict.npz", AS_EFORMAT,
     "bad-npy-no-dict.npz: x.npy: byte 10: header (found \"['<f4', False, (\", expected "
     "'{')"},
    {"bad-npy-object.npz", AS_EFORMAT,
     "bad-npy-object.npz: x.npy: byte 20: array of Python objects (found '|O', expected "
     "numbers); such arrays run code when loaded"},
    {"bad-npy-order-word.npz", AS_EFORMAT,
     "bad-npy-order-word.npz: x.npy: byte 44: header (found \"Falsy, 'shape': \", expected "
     "True or False)"},
    {"bad-npy-order.npz", AS_EFORMAT,
     "bad-npy-order.npz: x.npy: byte 44: Fortran order (expected C order); convert with "
     "numpy.ascontiguousarray(a)"},
    {"bad-npy-quote.npz", AS_EFORMAT,
     "bad-npy-quote.npz: x.npy: byte 24: header ends (expected a closing quote)"},
    {"bad-npy-records.npz", AS_EFORMAT,
     "bad-npy-records.npz: x.npy: byte 20: array of records (expected one number type)"},
    {"bad-npy-shape-bytes.npz", AS_ELIMIT,
     "bad-npy-shape-bytes.npz: x.npy: shape (4611686018427387907) of '<f4': size (found "
     "4611686018427387907 x 4, expected at most 18446744073709551615)"},
    {"bad-npy-shape-commas.npz", AS_EFORMAT,
     "bad-npy-shape-commas.npz: x.npy: byte 63: header (found \",3)}            \", "
     "expected a whole number)"},
    {"bad-npy-shape-float.npz", AS_EFORMAT,
     "bad-npy-shape-float.npz: x.npy: byte 62: header (found \".0,)}           \", "
     "expected ',' or ')')"},
    {"bad-npy-shape-huge.npz", AS_ELIMIT,
     "bad-npy-shape-huge.npz: x.npy: byte 61: shape holds a number over 2^64"},
    {"bad-npy-shape-long.npz", AS_EFORMAT,
     "bad-npy-shape-long.npz: x.npy: byte 62: header (found \"L,)}            \", expected "
     "',' or ')')"},
    {"bad-npy-shape-negative.npz", AS_EFORMAT,
     "bad-npy-shape-negative.npz: x.npy: byte 61: header (found \"-3,)}           \", "
     "expected a whole number)"},
    {"bad-npy-shape-number.npz", AS_EFORMAT,
     "bad-npy-shape-number.npz: x.npy: byte 60: header (found \"3} \\x0a\", expected a "
     "shape in parentheses)"},
    {"bad-npy-shape-plain.npz", AS_EFORMAT,
     "bad-npy-shape-plain.npz: x.npy: byte 62: header (found \")}              \", "
     "expected ',' as in (N,))"},
    {"bad-npy-shape-product.npz", AS_ELIMIT,
     "bad-npy-shape-product.npz: x.npy: shape (4294967296, 4294967296, 3) of '<f4': size "
     "(found 4294967296 x 4294967296, expected at most 18446744073709551615)"},
    {"bad-npy-shape-zero.npz", AS_EFORMAT,
     "bad-npy-shape-zero.npz: x.npy: byte 61: header (found \"03,)}           \", expected "
     "a whole number)"},
    {"bad-npy-short.npz", AS_EFORMAT, "bad-npy-short.npz: x.npy: byte 0: not an NPY array"},
    {"bad-npy-text.npz", AS_EFORMAT,
     "bad-npy-text.npz: x.npy: byte 20: element type (found '<U4', expected one of f2 f4 "
     "f8 i1 i2 i4 i8 u1 u2 u4 u8 b1, little-endian)"},
    {"bad-npy-too-exact.npz", AS_ENUMERIC,
     "bad-npy-too-exact.npz: x.npy: element 2: 9007199254740993 cannot be held exactly in "
     "64-bit floating point"},
    {"bad-npy-trailing.npz", AS_EFORMAT,
     "bad-npy-trailing.npz: x.npy: byte 68: header (found \"0               \", expected "
     "blanks and a newline at the end)"},
    {"bad-npy-version-minor.npz", AS_EFORMAT,
     "bad-npy-version-minor.npz: x.npy: byte 6: NPY version (found 1.1, expected 1.0 or "
     "2.0)"},
    {"bad-npy-version.npz", AS_EFORMAT,
     "bad-npy-version.npz: x.npy: byte 6: NPY version (found 3.0, expected 1.0 or 2.0)"},
    {"bad-overlap.npz", AS_EFORMAT, "bad-overlap.npz: y.npy: overlaps another member at byte 63"},
    {"bad-prefix.npz", AS_EFORMAT,
     "bad-prefix.npz: byte 256: central directory (found 51 bytes at 195, expected it to "
     "end at byte 256)"},
    {"bad-ratio-not-yet.npz", AS_EFORMAT,
     "bad-ratio-not-yet.npz: x.npy: expanded size (found only 140 bytes, expected 67108864)"},
    {"bad-ratio.npz", AS_ELIMIT,
     "bad-ratio.npz: x.npy: archive expands to over 200 times its 208 bytes"},
    {"bad-stored-size.npz", AS_EFORMAT,
     "bad-stored-size.npz: x.npy: stored size (found 140, expected 999)"},
    {"bad-streamed.npz", AS_EFORMAT,
     "bad-streamed.npz: x.npy: written as a stream, with sizes after the data; save it to "
     "a file instead"},
    {"bad-text.npz", AS_EFORMAT,
     "bad-text.npz: not a ZIP archive, or cut: no end record that closes the file"},
    {"bad-twice.npz", AS_EFORMAT, "bad-twice.npz: x.npy: name twice in the archive"},
};

static const bad_row bad_yaml[] = {
    {"bad-alias-deep.yaml", AS_ELIMIT, "bad-alias-deep.yaml:64:12: nesting (found over 64 levels)"},
    {"bad-alias-inside.yaml", AS_EFORMAT,
     "bad-alias-inside.yaml:2:7: alias *x inside its own anchor"},
    {"bad-alias-key.yaml", AS_EFORMAT,
     "bad-alias-key.yaml:2:1: key (found an alias, expected text)"},
    {"bad-alias-nodes.yaml", AS_ELIMIT,
     "bad-alias-nodes.yaml:5:10: plan with aliases expanded has over 10000 nodes"},
    {"bad-alias-none.yaml", AS_EFORMAT, "bad-alias-none.yaml:1:4: no anchor &nowhere"},
    {"bad-anchor-key.yaml", AS_EFORMAT, "bad-anchor-key.yaml:1:1: anchor on a key"},
    {"bad-anchor-twice.yaml", AS_EFORMAT, "bad-anchor-twice.yaml:2:4: anchor &x twice"},
    {"bad-at.yaml", AS_EFORMAT,
     "bad-at.yaml:1:4: while scanning for the next token, found character that cannot "
     "start any token (which began at line 1)"},
    {"bad-colon.yaml", AS_EFORMAT,
     "bad-colon.yaml:1:5: mapping values are not allowed in this context"},
    {"bad-comment.yaml", AS_EFORMAT, "bad-comment.yaml:3:1: empty document (expected a mapping)"},
    {"bad-control.yaml", AS_EFORMAT, "bad-control.yaml:1:5: control characters are not allowed"},
    {"bad-depth-block.yaml", AS_ELIMIT,
     "bad-depth-block.yaml:65:65: nesting (found over 64 levels)"},
    {"bad-depth-flow.yaml", AS_ELIMIT, "bad-depth-flow.yaml:1:67: nesting (found over 64 levels)"},
    {"bad-depth-items.yaml", AS_ELIMIT,
     "bad-depth-items.yaml:2:127: nesting (found over 64 levels)"},
    {"bad-depth-mixed.yaml", AS_ELIMIT,
     "bad-depth-mixed.yaml:1:161: nesting (found over 64 levels)"},
    {"bad-directive.yaml", AS_EFORMAT, "bad-directive.yaml:1:1: found incompatible YAML document"},
    {"bad-empty.yaml", AS_EFORMAT, "bad-empty.yaml:1:1: empty document (expected a mapping)"},
    {"bad-escape.yaml", AS_EFORMAT,
     "bad-escape.yaml:1:5: while parsing a quoted scalar, found unknown escape character "
     "(which began at line 1)"},
    {"bad-extra-close.yaml", AS_EFORMAT,
     "bad-extra-close.yaml:2:4: while parsing a block node, did not find expected node "
     "content (which began at line 2)"},
    {"bad-flow.yaml", AS_EFORMAT,
     "bad-flow.yaml:2:2: while parsing a flow sequence, did not find expected ',' or ']' "
     "(which began at line 1)"},
    {"bad-include-absolute.yaml", AS_EFORMAT,
     "bad-include-absolute.yaml:2:11: \"/etc/passwd\": unsafe name (found an absolute "
     "path, expected a plain relative name)"},
    {"bad-include-back.yaml", AS_EFORMAT,
     "bad-include-cycle.yaml:1:11: include leads back to bad-include-back.yaml"},
    {"bad-include-bad.yaml", AS_EFORMAT,
     "bad-twice.yaml:3:1: key \"seed\" twice (first at line 1)"},
    {"bad-include-cycle.yaml", AS_EFORMAT,
     "bad-include-back.yaml:1:11: include leads back to bad-include-cycle.yaml"},
    {"bad-include-empty.yaml", AS_EFORMAT,
     "bad-include-empty.yaml:2:11: \"\": unsafe name (found an empty name, expected a "
     "plain relative name)"},
    {"bad-include-folder.yaml", AS_EIO,
     "bad-include-folder.yaml:2:11: .: cannot read (found a directory, expected a regular "
     "file)"},
    {"bad-include-item.yaml", AS_EFORMAT,
     "bad-include-item.yaml:2:5: include (expected a list of file names)"},
    {"bad-include-list.yaml", AS_EFORMAT,
     "bad-list.yaml:1:1: top level (found a list, expected a mapping)"},
    {"bad-include-long.yaml", AS_ELIMIT,
     "chain-8.yaml:1:11: include (found over 8 files on the way down)"},
    {"bad-include-none.yaml", AS_EIO,
     "bad-include-none.yaml:2:11: nowhere.yaml: cannot open: No such file or directory"},
    {"bad-include-self.yaml", AS_EFORMAT,
     "bad-include-self.yaml:1:11: include leads back to bad-include-self.yaml"},
    {"bad-include-text.yaml", AS_EFORMAT,
     "bad-include-text.yaml:1:10: include (expected a list of file names)"},
    {"bad-include-up.yaml", AS_EFORMAT,
     "bad-include-up.yaml:2:11: \"../part-a.yaml\": unsafe name (found \"..\", expected a "
     "plain relative name)"},
    {"bad-indent.yaml", AS_EFORMAT,
     "bad-indent.yaml:3:3: while parsing a block mapping, did not find expected key (which "
     "began at line 1)"},
    {"bad-json-open.yaml", AS_EFORMAT,
     "bad-json-open.yaml:2:1: while parsing a flow node, did not find expected node "
     "content (which began at line 2)"},
    {"bad-key-empty.yaml", AS_EFORMAT, "bad-key-empty.yaml:1:1: empty key"},
    {"bad-key-list.yaml", AS_EFORMAT, "bad-key-list.yaml:1:3: key (found a list, expected text)"},
    {"bad-key-map.yaml", AS_EFORMAT, "bad-key-map.yaml:1:1: key (found a mapping, expected text)"},
    {"bad-key-merge.yaml", AS_EFORMAT,
     "bad-key-merge.yaml:3:3: merge key << (expected the keys themselves)"},
    {"bad-latin1.yaml", AS_EFORMAT, "bad-latin1.yaml:1:7: invalid UTF-8 (byte 0xE9)"},
    {"bad-list.yaml", AS_EFORMAT,
     "bad-list.yaml:1:1: top level (found a list, expected a mapping)"},
    {"bad-marker.yaml", AS_EFORMAT, "bad-marker.yaml:2:1: empty document (expected a mapping)"},
    {"bad-nul-escape.yaml", AS_EFORMAT, "bad-nul-escape.yaml:1:4: text holds a NUL"},
    {"bad-nul-key.yaml", AS_EFORMAT, "bad-nul-key.yaml:1:1: text holds a NUL"},
    {"bad-nul.yaml", AS_EFORMAT, "bad-nul.yaml:2:4: text holds a NUL"},
    {"bad-quote.yaml", AS_EFORMAT,
     "bad-quote.yaml:3:1: while scanning a quoted scalar, found unexpected end of stream "
     "(which began at line 1)"},
    {"bad-second.yaml", AS_EFORMAT, "bad-second.yaml:2:1: second document (expected one)"},
    {"bad-surrogate.yaml", AS_EFORMAT,
     "bad-surrogate.yaml:1:7: while parsing a quoted scalar, found invalid Unicode "
     "character escape code (which began at line 1)"},
    {"bad-tab.yaml", AS_EFORMAT,
     "bad-tab.yaml:2:1: while scanning for the next token, found character that cannot "
     "start any token (which began at line 2)"},
    {"bad-tag-bare.yaml", AS_EFORMAT,
     "bad-tag-bare.yaml:1:4: tag (found !, expected none: the schema gives the type)"},
    {"bad-tag-int.yaml", AS_EFORMAT,
     "bad-tag-int.yaml:1:4: tag (found tag:yaml.org,2002:int, expected none: the schema "
     "gives the type)"},
    {"bad-tag-key.yaml", AS_EFORMAT,
     "bad-tag-key.yaml:1:1: tag (found tag:yaml.org,2002:int, expected none: the schema "
     "gives the type)"},
    {"bad-tag-kind.yaml", AS_EFORMAT,
     "bad-tag-kind.yaml:1:4: tag (found tag:yaml.org,2002:map, expected none: the schema "
     "gives the type)"},
    {"bad-tag-own.yaml", AS_EFORMAT,
     "bad-tag-own.yaml:1:4: tag (found !secret, expected none: the schema gives the type)"},
    {"bad-tag-python.yaml", AS_EFORMAT,
     "bad-tag-python.yaml:1:4: tag (found tag:yaml.org,2002:python/object/apply:os.system, "
     "expected none: the schema gives the type)"},
    {"bad-text.yaml", AS_EFORMAT, "bad-text.yaml:1:1: top level (found text, expected a mapping)"},
    {"bad-twice-below.yaml", AS_EFORMAT,
     "bad-twice-below.yaml:3:5: key \"name\" twice (first at line 2)"},
    {"bad-twice-escaped.yaml", AS_EFORMAT,
     "bad-twice-escaped.yaml:2:1: key \"abc\" twice (first at line 1)"},
    {"bad-twice-flow.yaml", AS_EFORMAT,
     "bad-twice-flow.yaml:1:18: key \"c\" twice (first at line 1)"},
    {"bad-twice.yaml", AS_EFORMAT, "bad-twice.yaml:3:1: key \"seed\" twice (first at line 1)"},
    {"bad-utf16.yaml", AS_EFORMAT, "bad-utf16.yaml:1:1: invalid UTF-8 (byte 0xFF)"},
    {"bad-utf8-cut.yaml", AS_EFORMAT, "bad-utf8-cut.yaml:1:4: invalid UTF-8 (byte 0xE2)"},
    {"bad-utf8-overlong.yaml", AS_EFORMAT, "bad-utf8-overlong.yaml:1:4: invalid UTF-8 (byte 0xC0)"},
    {"bad-utf8-surrogate.yaml", AS_EFORMAT,
     "bad-utf8-surrogate.yaml:1:4: invalid UTF-8 (byte 0xED)"},
    {"bad-utf8.yaml", AS_EFORMAT, "bad-utf8.yaml:2:6: invalid UTF-8 (byte 0xFF)"},
};
/* clang-format on */

#endif
