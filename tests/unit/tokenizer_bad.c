/* Tokenizers: malformed tokenizer.json and tokenizer_config.json, each with its whole message. */
#include "check.h"

#include "engine/text/tokenizer.h"

#define A(id, text) "{\"id\":" #id ",\"content\":\"" text "\",\"special\":true}"
#define FILE_OF(version, added, normal, pre, post, decoder, model)                                 \
    "{\"version\":\"" version "\",\"added_tokens\":[" added "],\"normalizer\":" normal             \
    ",\"pre_tokenizer\":" pre ",\"post_processor\":" post ",\"decoder\":" decoder                  \
    ",\"model\":" model "}"
#define BYTES "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}"
#define BPE(more, vocab, merges)                                                                   \
    "{\"type\":\"BPE\"" more ",\"vocab\":{" vocab "},\"merges\":[" merges "]}"
#define AB "\"a\":0,\"b\":1,\"ab\":2"
#define GOOD BPE("", AB, "\"a b\"")
#define MODEL(m) FILE_OF("1.0", "", "null", BYTES, "null", BYTES, m)
#define ADDED(a) FILE_OF("1.0", a, "null", BYTES, "null", BYTES, GOOD)
#define PRE(p) FILE_OF("1.0", "", "null", p, "null", BYTES, GOOD)
#define POST(p) FILE_OF("1.0", "", "null", BYTES, p, BYTES, GOOD)
#define NORMAL(n) FILE_OF("1.0", "", n, BYTES, "null", BYTES, GOOD)
#define DECODER(d) FILE_OF("1.0", "", "null", BYTES, "null", d, GOOD)
#define CONFIG(c) ADDED(A(3, "<x>")), c

/* file, config or NULL, what the whole message says; NULL: it is fine */
static const struct {
    const char *json, *config, *message;
} bad[] = {
    {MODEL(GOOD), NULL, NULL},
    {FILE_OF("2.0", "", "null", BYTES, "null", BYTES, GOOD), NULL,
     "bad: version (found \"2.0\", expected \"1.0\")"},
    {"[]", NULL, "bad: expected an object"},
    {"{\"extra\":1}", NULL, "bad: unknown parameter \"extra\""},
    {MODEL(BPE("", "", "")), NULL, "bad: no tokens"},
    {MODEL(BPE("", "\"a\":-1", "")), NULL,
     "bad: model.vocab.\"a\": id (expected a whole number of at least 0)"},
    {MODEL(BPE("", "\"a\":1.5", "")), NULL,
     "bad: model.vocab.\"a\": id (expected a whole number of at least 0)"},
    {MODEL(BPE("", "\"a\":\"0\"", "")), NULL,
     "bad: model.vocab.\"a\": id (expected a whole number of at least 0)"},
    {MODEL(BPE("", "\"a\":0,\"b\":8", "")), NULL,
     "bad: largest id (found 8, expected below 4 x 2 tokens)"},
    {MODEL(BPE("", "\"a\":0,\"b\":9223372036854775807", "")), NULL,
     "bad: largest id (found 9223372036854775807, expected below 4 x 2 tokens)"},
    {MODEL(BPE("", "\"a\":0,\"b\":0", "")), NULL,
     "bad: model.vocab: token \"b\": id 0 given twice"},
    {MODEL(BPE("", "\"\":0", "")), NULL, "bad: model.vocab: token 0 has no text"},
    {MODEL(BPE("", "\"a b\":0", "")), NULL,
     "bad: model.vocab: token \"a b\": a character outside the byte alphabet"},
    {MODEL(BPE("", AB, "\"a c\"")), NULL, "bad: model.merges[0]: right part \"c\" is no token"},
    {MODEL(BPE("", AB, "\"b a\"")), NULL, "bad: model.merges[0]: result \"ba\" is no token"},
    {MODEL(BPE("", AB, "\"a b\",[\"a\",\"b\"]")), NULL,
     "bad: model.merges[1]: pair given twice (first as merge 0)"},
    {MODEL(BPE("", AB, "\"ab\"")), NULL,
     "bad: model.merges[0]: \"ab\" (expected two parts with one space between)"},
    {MODEL(BPE("", AB, "\"a  b\"")), NULL,
     "bad: model.merges[0]: \"a  b\" (expected two parts with one space between)"},
    {MODEL(BPE("", AB, "[\"a\"]")), NULL,
     "bad: model.merges[0]: expected \"LEFT RIGHT\" or [\"LEFT\", \"RIGHT\"]"},
    {MODEL(BPE(",\"dropout\":0.1", AB, "")), NULL, "bad: model: dropout (expected null)"},
    {MODEL(BPE(",\"ignore_merges\":true", AB, "")), NULL,
     "bad: model: ignore_merges (found true, expected false)"},
    {MODEL(BPE(",\"byte_fallback\":true", AB, "")), NULL,
     "bad: model: byte_fallback (found true, expected false: the tokens are bytes already)"},
    {MODEL(BPE(",\"continuing_subword_prefix\":\"##\"", AB, "")), NULL,
     "bad: model: continuing_subword_prefix (expected null)"},
    {MODEL(BPE(",\"unk_token\":\"<unk>\"", AB, "")), NULL, "bad: unk_token: \"<unk>\" is no token"},
    {MODEL(BPE(",\"fuse_unk\":1", AB, "")), NULL, "bad: model: fuse_unk (expected true or false)"},
    {MODEL("{\"type\":\"WordPiece\",\"vocab\":{},\"merges\":[]}"), NULL,
     "bad: model: type (found \"WordPiece\", expected \"BPE\")"},
    {MODEL("{\"type\":\"BPE\",\"vocab\":[],\"merges\":[]}"), NULL,
     "bad: model.vocab (expected an object)"},
    {MODEL("{\"type\":\"BPE\",\"vocab\":{},\"merges\":{}}"), NULL,
     "bad: model.merges (expected a list)"},
    {ADDED(A(0, "a")), NULL, NULL},
    {ADDED(A(1, "a")), NULL,
     "bad: model.vocab: token \"a\": id (found 0, expected 1 as added token)"},
    {ADDED(A(0, "x")), NULL, "bad: model.vocab: token \"a\": id 0 given twice"},
    {ADDED(A(3, "x") "," A(4, "x")), NULL,
     "bad: added token \"x\": text given twice with different ids"},
    {ADDED(A(3, "x") "," A(3, "y")), NULL,
     "bad: added token \"y\": id given twice with different texts"},
    {ADDED(A(3, "")), NULL, "bad: added token 3 has no text"},
    {ADDED("{\"id\":3,\"content\":\"x\",\"lstrip\":true}"), NULL,
     "bad: added_tokens[0]: lstrip (found true, expected false)"},
    {ADDED("{\"id\":3,\"content\":\"x\",\"odd\":true}"), NULL,
     "bad: added_tokens[0]: unknown parameter \"odd\""},
    {ADDED("{\"content\":\"x\"}"), NULL,
     "bad: added_tokens[0]: id (expected a whole number of at least 0)"},
    {ADDED("{\"id\":3}"), NULL, "bad: added_tokens[0]: content (expected a text)"},
    {PRE("null"), NULL,
     "bad: pre_tokenizer: unknown combination (expected that of Qwen3, Qwen3.5, GPT-2, SmolLM2 or "
     "Gemma 4)"},
    {PRE("{\"type\":\"Metaspace\"}"), NULL,
     "bad: pre_tokenizer: component (found \"Metaspace\", expected Split, Digits, ByteLevel or a "
     "Sequence of them)"},
    {PRE("{\"type\":\"ByteLevel\"}"), NULL,
     "bad: pre_tokenizer: add_prefix_space (found true, expected false)"},
    {PRE("{\"type\":\"Sequence\",\"pretokenizers\":[" BYTES
         ",{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a+)+$\"},\"behavior\":\"Isolated\"}]}"),
     NULL,
     "bad: pre_tokenizer: pretokenizers[1]: pattern (found \"(a+)+$\", expected that of Qwen3 or "
     "Qwen3.5)"},
    {PRE("{\"type\":\"Split\",\"pattern\":{\"String\":\"-\"},\"behavior\":\"Removed\"}"), NULL,
     "bad: pre_tokenizer: String (found \"-\", expected \" \")"},
    {PRE("{\"type\":\"Digits\",\"individual_digits\":false}"), NULL,
     "bad: pre_tokenizer: individual_digits (found false, expected true)"},
    {PRE("{\"type\":\"Sequence\",\"pretokenizers\":3}"), NULL,
     "bad: pre_tokenizer: pretokenizers (expected a list)"},
    {PRE("7"), NULL, "bad: pre_tokenizer: expected an object with a type"},
    {NORMAL("{\"type\":\"NFKC\"}"), NULL,
     "bad: normalizer: component (found \"NFKC\", expected NFC, Replace or a Sequence of them)"},
    {NORMAL("{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" \"},\"content\":\"x\"}"), NULL,
     "bad: normalizer: pattern: unknown parameter \"Regex\""},
    {NORMAL("{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"NFC\"}]}"),
     NULL, "bad: normalizer: several components (expected one)"},
    {DECODER("null"), NULL,
     "bad: decoder: does not go with the pre_tokenizer (expected ByteLevel)"},
    {DECODER("{\"type\":\"WordPiece\"}"), NULL,
     "bad: decoder: component (found \"WordPiece\", expected ByteLevel or a Sequence of Replace, "
     "ByteFallback, Fuse)"},
    {POST("{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\","
          "\"type_id\":0}}]}"),
     NULL, NULL},
    {POST("{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"a\"}},"
          "{\"Sequence\":{\"id\":\"A\"}}]}"),
     NULL, "bad: post_processor: single: found 2 parts (expected the text alone)"},
    {POST("{\"type\":\"RobertaProcessing\"}"), NULL,
     "bad: post_processor: component (found \"RobertaProcessing\", expected null, ByteLevel or "
     "TemplateProcessing)"},
    {CONFIG("{\"added_tokens_decoder\":{\"3\":{\"content\":\"<y>\"}}}"),
     "bad: added token \"<y>\": id given twice with different texts"},
    {CONFIG("{\"added_tokens_decoder\":{\"4\":{\"content\":\"<x>\"}}}"),
     "bad: added token \"<x>\": text given twice with different ids"},
    {CONFIG("{\"added_tokens_decoder\":{\"4x\":{\"content\":\"<y>\"}}}"),
     "bad: added_tokens_decoder.4x: id (found \"4x\", expected a whole number)"},
    {CONFIG("{\"added_tokens_decoder\":[]}"), "bad: added_tokens_decoder (expected an object)"},
    {CONFIG("{\"eos_token\":\"<none>\"}"), "bad: eos_token: \"<none>\" is no token"},
    {CONFIG("{\"bos_token\":4}"), "bad: bos_token (expected a text or null)"},
    {CONFIG("{\"chat_template\":[{\"name\":\"x\",\"template\":\"y\"}]}"),
     "bad: chat_template: none is named \"default\""},
    {CONFIG("{\"chat_template\":5}"),
     "bad: chat_template (expected a text, or a list of objects with name and template)"},
    {CONFIG("{"), "bad: config: 1:2: name (found end of text, expected '\"' or '}')"},
};

static void bad_files(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        as_error err = {0};
        char text[2048];
        const char *config = bad[i].config;
        as_tokenizer *t = as_tokenizer_parse("bad", bad[i].json, strlen(bad[i].json), config,
                                             config ? strlen(config) : 0, &err);
        CHECK((t == NULL) == (bad[i].message != NULL));
        as_error_text(&err, text, sizeof text);
        if (bad[i].message) CHECK_TEXT(text, bad[i].message);
        if (!bad[i].message && !t) printf("row %zu: %s\n", i, text);
        if (bad[i].message) CHECK(err.class_ == AS_EFORMAT);
        as_tokenizer_free(t);
    }
}

int main(void)
{
    RUN(bad_files);
    return check_end();
}
