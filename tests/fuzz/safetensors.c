/* Any bytes are an error with a message, or tensors that can be read. */
#include "fuzz/format_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return read_checkpoint("fuzz.safetensors", data, size);
}
