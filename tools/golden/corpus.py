#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/{json,jsonl}/* and tests/golden/{json,jsonl}_cases.jsonl: malformed texts
with the message each must give, and valid ones with their canonical form. Everything here is typed
by hand; nothing is computed from Assay. Any Python 3 will do. Run from the repository's root."""
import json
import os

END = "end of text"


def found(what, at, expected):
    return f"{what} (found {at}, expected {expected})"


def value(at, expected="a value"):
    return found("value", at, expected)


A65 = b"[" * 65
BAD = {  # name: (bytes, "LINE:COL: what")
    "empty": (b"", "1:1: " + value(END)),
    "blank": (b" \t\r\n", "2:1: " + value(END)),
    "cut_array": (b"[1, 2", "1:6: " + found("array", END, "',' or ']'")),
    "cut_object": (b'{"a": 1', "1:8: " + found("object", END, "',' or '}'")),
    "cut_name": (b'{"a', "1:4: " + found("string", END, "a closing '\"'")),
    "cut_after_name": (b'{"a"', "1:5: " + found("name", END, "':' after it")),
    "cut_after_colon": (b'{"a":', "1:6: " + value(END)),
    "cut_string": (b'["ab', "1:5: " + found("string", END, "a closing '\"'")),
    "cut_escape": (b'"\\', "1:3: " + found("escape in a string", END, 'one of " \\ / b f n r t u')),
    "comma_array": (b"[1,]", "1:4: " + value("']'")),
    "comma_object": (b'{"a":1,}', "1:8: " + found("name", "'}'", "'\"'")),
    "comma_first": (b"[,1]", "1:2: " + value("','", "a value or ']'")),
    "comma_missing": (b"[1 2]", "1:4: " + found("array", "'2'", "',' or ']'")),
    "colon_missing": (b'{"a" 1}', "1:6: " + found("name", "'1'", "':' after it")),
    "name_bare": (b"{a:1}", "1:2: " + found("name", "'a'", "'\"' or '}'")),
    "name_twice": (b'{"a":1,\n "b":2, "a":3}', "2:9: name given twice (found \"a\" again, expected it once)"),
    "name_twice_escaped": (b'{"a":1,"\\u0061":2}', "1:8: name given twice (found \"\\u0061\" again, expected it once)"),
    "name_nul": (b'{"\\u0000":1}', "1:3: NUL in a string (found \\u0000, expected none)"),
    "quote_single": (b"['a']", "1:2: " + value("'''", "a value or ']'")),
    "two_values": (b"1 2", "1:3: " + found("text after the value", "'2'", END)),
    "bracket_wrong": (b"[1}", "1:3: " + found("array", "'}'", "',' or ']'")),
    "bracket_lone": (b"]", "1:1: " + value("']'")),
    "nan": (b"[NaN]", "1:2: " + found("word", "NaN", "true, false, null, or a quoted string")),
    "infinity": (b"-Infinity", "1:2: " + found("number", "'I'", "a digit")),
    "word_case": (b"True", "1:1: " + found("word", "True", "true, false, null, or a quoted string")),
    "word_cut": (b"[tru]", "1:2: " + found("word", "tru", "true, false, null, or a quoted string")),
    "number_zero": (b"[-012]", "1:2: " + found("number", "-012", "no zero in front")),
    "number_plus": (b"+1", "1:1: " + value("'+'")),
    "number_dot": (b".5", "1:1: " + value("'.'")),
    "number_dot_last": (b"[1.]", "1:4: " + found("number", "']'", "a digit")),
    "number_exponent": (b"1e+", "1:4: " + found("exponent", END, "a digit")),
    "number_hex": (b"0x1F", "1:2: " + found("text after the value", "'x'", END)),
    "number_huge": (b"[0,-1e999]", "1:4: " + found("number", "-1e999", "one of at most 1.8e308")),
    "integer_65": (b"18446744073709551616", "1:1: " + found("integer", "18446744073709551616", "one of 64 bits")),
    "integer_over": (b"9223372036854775808", "1:1: " + found("integer", "9223372036854775808", "one of 64 bits")),
    "integer_under": (b"[-9223372036854775809]", "1:2: " + found("integer", "-9223372036854775809", "one of 64 bits")),
    "control_raw": (b'"a\nb"', "1:3: " + found("control byte in a string", "byte \\x0a", "an escape")),
    "escape_bad": (b'"\\q"', "1:3: " + found("escape in a string", "'q'", 'one of " \\ / b f n r t u')),
    "escape_short": (b'"\\u12"', "1:6: " + found("\\u escape", "'\"'", "four hex digits")),
    "escape_nul": (b'"a\\u0000b"', "1:3: NUL in a string (found \\u0000, expected none)"),
    "surrogate_high": (b'"\\ud800"', "1:2: surrogate (found \\ud800 alone, expected a pair)"),
    "surrogate_low": (b'"x\\udc00"', "1:3: surrogate (found \\udc00 alone, expected a pair)"),
    "surrogate_unpaired": (b'"\\ud800\\u0041"', "1:2: surrogate (found \\ud800 alone, expected a pair)"),
    "utf8_bad": (b'"\xff"', "1:2: " + found("string", "byte \\xff", "valid UTF-8")),
    "utf8_overlong": (b'"\xc0\x80"', "1:2: " + found("string", "byte \\xc0", "valid UTF-8")),
    "utf8_surrogate": (b'"\xed\xa0\x80"', "1:2: " + found("string", "byte \\xed", "valid UTF-8")),
    "utf8_cut": ('"é€'.encode()[:-1], "1:3: " + found("string", "byte \\xe2", "valid UTF-8")),
    "utf8_above": (b'"\xf4\x90\x80\x80"', "1:2: " + found("string", "byte \\xf4", "valid UTF-8")),
    "bom": (b"\xef\xbb\xbf{}", "1:1: byte order mark (found U+FEFF, expected none)"),
    "nul_after": (b"1\0", "1:2: " + found("text after the value", "byte \\x00", END)),
    "bidi": (b"\xe2\x80\xae1", "1:1: " + value("byte \\xe2\\x80\\xae")),
    "comment": (b"[1, /* no */ 2]", "1:5: " + value("'/'")),
    "deep": (A65 + b"]" * 65, "1:65: nesting (found 65 levels, expected at most 64)"),
    "deep_cut": (b'{"a":' * 64 + b"[", "1:321: nesting (found 65 levels, expected at most 64)"),
}

GOOD = {  # name: (bytes, canonical form)
    "ok_null": (b" null ", "null"),
    "ok_false": (b"false", "false"),
    "ok_empty_array": (b"[ ]", "[]"),
    "ok_empty_object": (b"{ }", "{}"),
    "ok_empty_name": (b'{"":0}', '{"":0}'),
    "ok_sorted": ('{"b":1,"a":2,"é":3,"B":4,"aa":5}'.encode(), '{"B":4,"a":2,"aa":5,"b":1,"é":3}'),
    "ok_nested": (b'{"z":[{"y":[1,{"x":null}]}],\r\n"a":{}}', '{"a":{},"z":[{"y":[1,{"x":null}]}]}'),
    "ok_integers": (b"[0,-0,9223372036854775807,-9223372036854775808]", "[0,0,9223372036854775807,-9223372036854775808]"),
    "ok_reals": (b"[1.0,-0.0,0.1,1e-7,1E+2,1.2345678901234568e20,5e-324,1.7976931348623157e308]",
                 "[1,0,0.1,1e-07,100,1.2345678901234568e+20,5e-324,1.7976931348623157e+308]"),
    "ok_thirds": (b"[0.3333333333333333,0.30000000000000004,1e-999]", "[0.3333333333333333,0.30000000000000004,0]"),
    "ok_escapes": (b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u001f\\u007f\\u00e9\\ud83d\\ude00"', '"\\"\\\\/\\b\\f\\n\\r\\t\\u001f\x7fé😀"'),
    "ok_utf8": ('["é","€","😀","\u2028"]'.encode(), '["é","€","😀","\u2028"]'),
    "ok_deep": (b"[" * 64 + b"]" * 64, "[" * 64 + "]" * 64),
    "ok_escaped_name": (b'{"a\\u0022":1,"\\u0061":2}', '{"a":2,"a\\"":1}'),
}

ROW = b'{"id": 1}\n'
BAD_ROWS = {  # name: (bytes, "LINE: what")
    "cut": (ROW + ROW + b'{"id": 3', "3: last line is cut, 2 whole rows before it: column 9: " + found("object", END, "',' or '}'")),
    "cut_one": (ROW + b'{"id"', "2: last line is cut, 1 whole row before it: column 6: " + found("name", END, "':' after it")),
    "cut_first": (b"{", "1: last line is cut, 0 whole rows before it: column 2: " + found("name", END, "'\"' or '}'")),
    "cut_blank": (ROW + b"  ", "2: last line is cut, 1 whole row before it: column 3: " + value(END)),
    "cut_utf8": (ROW + b'{"a":"\xe2\x82', "2: last line is cut, 1 whole row before it: column 7: " + found("string", "byte \\xe2", "valid UTF-8")),
    "blank": (ROW + b"\n" + ROW, "2: blank line (found no row, expected an object)"),
    "blank_first": (b"\n", "1: blank line (found no row, expected an object)"),
    "blank_last": (ROW + b"\n", "2: blank line (found no row, expected an object)"),
    "blank_crlf": (b"\r\n", "1: blank line (found no row, expected an object)"),
    "blank_spaces": (b" \t \n" + ROW, "1: blank line (found no row, expected an object)"),
    "array": (b"[1]\n", "1: row (found an array, expected an object)"),
    "number": (ROW + b"7\n", "2: row (found an integer, expected an object)"),
    "real": (b"0.5\n", "1: row (found a number, expected an object)"),
    "string": (b'"x"\n', "1: row (found a string, expected an object)"),
    "null": (b"null\n", "1: row (found null, expected an object)"),
    "true": (b"true\n", "1: row (found true, expected an object)"),
    "two_rows": (b"{} {}\n", "1: column 4: " + found("text after the value", "'{'", END)),
    "comma": (b"{},\n{}\n", "1: column 3: " + found("text after the value", "','", END)),
    "pretty": (b'{\n "a": 1\n}\n', "1: column 2: " + found("name", END, "'\"' or '}'")),
    "bom": (b"\xef\xbb\xbf" + ROW, "1: column 1: byte order mark (found U+FEFF, expected none)"),
    "utf8": (ROW + b'{"a":"\x80"}\n', "2: column 7: " + found("string", "byte \\x80", "valid UTF-8")),
    "utf16": ('{"a":1}\n'.encode("utf-16-le"), "1: column 2: " + found("name", "byte \\x00", "'\"' or '}'")),
    "control": (b'{"a":"x\ty"}\n', "1: column 8: " + found("control byte in a string", "byte \\x09", "an escape")),
    "carriage": (b'{"a":"x\r\n', "1: column 8: " + found("string", END, "a closing '\"'")),
    "name_twice": (ROW + b'{"a":1,"a":2}\n', '2: column 8: name given twice (found "a" again, expected it once)'),
    "nan": (b'{"a":NaN}\n', "1: column 6: " + found("word", "NaN", "true, false, null, or a quoted string")),
    "integer_65": (b'{"a":18446744073709551616}\n', "1: column 6: " + found("integer", "18446744073709551616", "one of 64 bits")),
    "huge": (b'{"a":1e400}\n', "1: column 6: " + found("number", "1e400", "one of at most 1.8e308")),
    "deep": (b'{"a":' + b"[" * 64 + b"\n", "1: column 69: nesting (found 65 levels, expected at most 64)"),
    "nul": (ROW + b"\0\n", "2: column 1: " + value("byte \\x00")),
    "nul_escape": (b'{"a":"\\u0000"}\n', "1: column 7: NUL in a string (found \\u0000, expected none)"),
    "surrogate": (b'{"a":"\\udfff"}\n', "1: column 7: surrogate (found \\udfff alone, expected a pair)"),
    "csv": (b"id,text\n1,x\n", "1: column 1: " + found("word", "id", "true, false, null, or a quoted string")),
    "whole_array": (b'[{"a":1},\n{"a":2}]\n', "1: column 10: " + value(END)),
}
GOOD_ROWS = {  # name: (bytes, canonical rows)
    "ok_empty": (b"", []),
    "ok_lf": (ROW + b'{"b":[1,2]}\n', ['{"id":1}', '{"b":[1,2]}']),
    "ok_crlf": (b'{"a":1}\r\n{"b":2}\r\n', ['{"a":1}', '{"b":2}']),
    "ok_open": (ROW + b'{"a":2}', ['{"id":1}', '{"a":2}']),
    "ok_blanks": (b' {"a" : 1 } \n\t{}\n', ['{"a":1}', "{}"]),
    "ok_separator": ('{"a":"\u2028\u0085"}\n'.encode(), ['{"a":"\u2028\u0085"}']),
}


def write(kind, bad, good):
    folder = f"tests/fuzz/corpus/{kind}"
    os.makedirs(folder, exist_ok=True)
    with open(f"tests/golden/{kind}_cases.jsonl", "w", encoding="utf-8", newline="\n") as cases:
        for name, (data, expected) in {**bad, **good}.items():
            with open(f"{folder}/{name}", "wb") as file:
                file.write(data)
            key = "message" if name in bad else "canonical"
            cases.write(json.dumps({"file": name, key: expected}) + "\n")


write("json", BAD, GOOD)
write("jsonl", BAD_ROWS, GOOD_ROWS)
