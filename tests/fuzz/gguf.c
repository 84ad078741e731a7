/* Any bytes are an error with a message, or metadata and tensors that can be read. */
#include "fuzz/format_target.h"

#include "engine/format/gguf.h"

static void read_metadata(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"general.alignment", "general.architecture", "a", "texts"};
    as_error err = {0};
    as_gguf *g = as_gguf_over("fuzz", data, size, &err);
    for (size_t i = 0; g && i < sizeof keys / sizeof keys[0]; i++) {
        const char *text;
        uint32_t u;
        size_t n;
        as_gguf_array a;
        as_error none = {0};
        if (as_gguf_text(g, keys[i], &text, &n, &none)) touch(text, n);
        if (as_gguf_u32(g, keys[i], &u, &none)) touch(&u, sizeof u);
        if (!as_gguf_array_of(g, keys[i], AS_GGUF_TEXT, AS_GGUF_ANY, &a, &none)) continue;
        for (size_t k = 0; k < a.n; k++) {
            text = as_gguf_array_text(&a, k, &n);
            touch(text, n);
        }
    }
    as_gguf_close(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_metadata(data, size);
    return read_checkpoint("fuzz.gguf", data, size);
}
