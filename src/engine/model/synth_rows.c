/* The models that can be made. Tiny ones cover every branch of their family: heads wider than the
 * stream, grouped heads, mixed layer kinds, windows shorter than a prompt, shared keys. */
#include "engine/model/synth_internal.h"

#define LIN "\"linear_attention\","
#define FULL "\"full_attention\""
#define SLIDE "\"sliding_attention\","
#define HYBRID LIN LIN LIN FULL
#define FIVE SLIDE SLIDE SLIDE SLIDE FULL

static const char tiny_llama[] =
    "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"attention_bias\":false,"
    "\"mlp_bias\":false,\"attention_dropout\":0.0,\"hidden_act\":\"silu\",\"hidden_size\":64,"
    "\"intermediate_size\":128,\"max_position_embeddings\":512,\"num_attention_heads\":4,"
    "\"num_hidden_layers\":4,\"num_key_value_heads\":2,\"rms_norm_eps\":1e-05,"
    "\"rope_scaling\":null,\"rope_theta\":130000,\"tie_word_embeddings\":true,"
    "\"torch_dtype\":\"float32\",\"vocab_size\":512,\"bos_token_id\":1,\"eos_token_id\":2,"
    "\"pad_token_id\":2}";

static const char tiny_qwen3[] =
    "{\"architectures\":[\"Qwen3ForCausalLM\"],\"model_type\":\"qwen3\",\"attention_bias\":false,"
    "\"attention_dropout\":0.0,\"hidden_act\":\"silu\",\"head_dim\":32,\"hidden_size\":64,"
    "\"intermediate_size\":160,\"max_position_embeddings\":512,\"max_window_layers\":4,"
    "\"num_attention_heads\":4,\"num_hidden_layers\":4,\"num_key_value_heads\":2,"
    "\"rms_norm_eps\":1e-06,\"rope_scaling\":null,\"rope_theta\":1000000,\"sliding_window\":null,"
    "\"use_sliding_window\":false,\"tie_word_embeddings\":true,\"torch_dtype\":\"float32\","
    "\"vocab_size\":512,\"bos_token_id\":1,\"eos_token_id\":2}";

/* The even kinds have a layer order that GGUF files can say; values of the wide one fill blocks. */
#define TINY_QWEN35(layers, value_dim, types)                                                      \
    "{\"architectures\":[\"Qwen3_5ForConditionalGeneration\"],\"model_type\":\"qwen3_5\","         \
    "\"tie_word_embeddings\":true,\"text_config\":{\"model_type\":\"qwen3_5_text\","               \
    "\"attention_bias\":false,\"attn_output_gate\":true,\"hidden_act\":\"silu\",\"head_dim\":32,"  \
    "\"hidden_size\":64,\"intermediate_size\":128,\"linear_conv_kernel_dim\":4,"                   \
    "\"linear_key_head_dim\":16,\"linear_value_head_dim\":" value_dim                              \
    ",\"linear_num_key_heads\":2,"                                                                 \
    "\"linear_num_value_heads\":4,\"layer_types\":[" types "],"                                    \
    "\"max_position_embeddings\":512,\"num_attention_heads\":4,\"num_hidden_layers\":" layers ","  \
    "\"num_key_value_heads\":2,\"rms_norm_eps\":1e-06,\"tie_word_embeddings\":true,"               \
    "\"vocab_size\":512,\"dtype\":\"float32\",\"mamba_ssm_dtype\":\"float32\",\"eos_token_id\":2," \
    "\"rope_parameters\":{\"mrope_interleaved\":true,\"mrope_section\":[2,1,1],"                   \
    "\"partial_rotary_factor\":0.25,\"rope_theta\":10000000,\"rope_type\":\"default\"}}}"
static const char tiny_qwen35[] = TINY_QWEN35("5", "16", LIN LIN FULL "," LIN FULL);
static const char tiny_qwen35_even[] = TINY_QWEN35("6", "16", LIN LIN FULL "," LIN LIN FULL);
static const char tiny_qwen35_wide[] = TINY_QWEN35("3", "32", LIN LIN FULL);

static const char tiny_gemma4[] =
    "{\"architectures\":[\"Gemma4ForConditionalGeneration\"],\"model_type\":\"gemma4\","
    "\"tie_word_embeddings\":true,\"eos_token_id\":[1,106],\"text_config\":{"
    "\"model_type\":\"gemma4_text\",\"attention_bias\":false,\"attention_k_eq_v\":false,"
    "\"enable_moe_block\":false,\"final_logit_softcapping\":30.0,\"global_head_dim\":32,"
    "\"head_dim\":16,\"hidden_activation\":\"gelu_pytorch_tanh\",\"hidden_size\":64,"
    "\"hidden_size_per_layer_input\":8,\"intermediate_size\":96,"
    "\"layer_types\":[" SLIDE FULL "," SLIDE FULL "," SLIDE SLIDE SLIDE FULL "],"
    "\"max_position_embeddings\":512,\"num_attention_heads\":4,"
    "\"num_global_key_value_heads\":null,\"num_hidden_layers\":8,\"num_key_value_heads\":1,"
    "\"num_kv_shared_layers\":4,\"rms_norm_eps\":1e-06,\"rope_parameters\":{\"full_attention\":{"
    "\"partial_rotary_factor\":0.25,\"rope_theta\":1000000.0,\"rope_type\":\"proportional\"},"
    "\"sliding_attention\":{\"rope_theta\":10000.0,\"rope_type\":\"default\"}},"
    "\"sliding_window\":16,\"tie_word_embeddings\":true,\"use_bidirectional_attention\":null,"
    "\"use_double_wide_mlp\":true,\"vocab_size\":512,\"vocab_size_per_layer_input\":512,"
    "\"dtype\":\"float32\",\"bos_token_id\":2,\"eos_token_id\":1,\"pad_token_id\":0}}";

#define QWEN3(dim, mlp)                                                                            \
    "{\"architectures\":[\"Qwen3ForCausalLM\"],\"model_type\":\"qwen3\","                          \
    "\"attention_bias\":false,\"attention_dropout\":0.0,\"bos_token_id\":151643,"                  \
    "\"eos_token_id\":151645,\"head_dim\":128,\"hidden_act\":\"silu\",\"hidden_size\":" dim ","    \
    "\"initializer_range\":0.02,\"intermediate_size\":" mlp ","                                    \
    "\"max_position_embeddings\":40960,\"max_window_layers\":28,\"num_attention_heads\":16,"       \
    "\"num_hidden_layers\":28,\"num_key_value_heads\":8,\"rms_norm_eps\":1e-06,"                   \
    "\"rope_scaling\":null,\"rope_theta\":1000000,\"sliding_window\":null,"                        \
    "\"tie_word_embeddings\":true,\"torch_dtype\":\"bfloat16\",\"use_cache\":true,"                \
    "\"use_sliding_window\":false,\"vocab_size\":151936}"
static const char qwen3_06[] = QWEN3("1024", "3072");
static const char qwen3_17[] = QWEN3("2048", "6144");

static const char qwen35_08[] =
    "{\"architectures\":[\"Qwen3_5ForConditionalGeneration\"],\"model_type\":\"qwen3_5\","
    "\"tie_word_embeddings\":true,\"text_config\":{\"model_type\":\"qwen3_5_text\","
    "\"attention_bias\":false,\"attention_dropout\":0.0,\"attn_output_gate\":true,"
    "\"dtype\":\"bfloat16\",\"eos_token_id\":248044,\"full_attention_interval\":4,"
    "\"head_dim\":256,\"hidden_act\":\"silu\",\"hidden_size\":1024,\"intermediate_size\":3584,"
    "\"layer_types\":[" HYBRID "," HYBRID "," HYBRID "," HYBRID "," HYBRID "," HYBRID "],"
    "\"linear_conv_kernel_dim\":4,\"linear_key_head_dim\":128,\"linear_num_key_heads\":16,"
    "\"linear_num_value_heads\":16,\"linear_value_head_dim\":128,"
    "\"max_position_embeddings\":262144,\"mlp_only_layers\":[],\"mtp_num_hidden_layers\":1,"
    "\"num_attention_heads\":8,\"num_hidden_layers\":24,\"num_key_value_heads\":2,"
    "\"rms_norm_eps\":1e-06,\"tie_word_embeddings\":true,\"use_cache\":true,"
    "\"vocab_size\":248320,\"mamba_ssm_dtype\":\"float32\",\"rope_parameters\":{"
    "\"mrope_interleaved\":true,\"mrope_section\":[11,11,10],\"rope_type\":\"default\","
    "\"rope_theta\":10000000,\"partial_rotary_factor\":0.25}}}";

static const char gemma4_e2b[] =
    "{\"architectures\":[\"Gemma4ForConditionalGeneration\"],\"model_type\":\"gemma4\","
    "\"dtype\":\"bfloat16\",\"eos_token_id\":[1,106],\"tie_word_embeddings\":true,"
    "\"text_config\":{\"model_type\":\"gemma4_text\",\"attention_bias\":false,"
    "\"attention_dropout\":0.0,\"attention_k_eq_v\":false,\"bos_token_id\":2,"
    "\"dtype\":\"bfloat16\",\"enable_moe_block\":false,\"eos_token_id\":1,"
    "\"final_logit_softcapping\":30.0,\"global_head_dim\":512,\"head_dim\":256,"
    "\"hidden_activation\":\"gelu_pytorch_tanh\",\"hidden_size\":1536,"
    "\"hidden_size_per_layer_input\":256,\"intermediate_size\":6144,"
    "\"layer_types\":[" FIVE "," FIVE "," FIVE "," FIVE "," FIVE "," FIVE "," FIVE "],"
    "\"max_position_embeddings\":131072,\"num_attention_heads\":8,"
    "\"num_global_key_value_heads\":null,\"num_hidden_layers\":35,\"num_key_value_heads\":1,"
    "\"num_kv_shared_layers\":20,\"pad_token_id\":0,\"rms_norm_eps\":1e-06,"
    "\"rope_parameters\":{\"full_attention\":{\"partial_rotary_factor\":0.25,"
    "\"rope_theta\":1000000.0,\"rope_type\":\"proportional\"},\"sliding_attention\":{"
    "\"rope_theta\":10000.0,\"rope_type\":\"default\"}},\"sliding_window\":512,"
    "\"tie_word_embeddings\":true,\"use_bidirectional_attention\":null,"
    "\"use_cache\":true,\"use_double_wide_mlp\":true,\"vocab_size\":262144,"
    "\"vocab_size_per_layer_input\":262144}}";

static const char smollm2_17[] =
    "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"attention_bias\":false,"
    "\"attention_dropout\":0.0,\"bos_token_id\":1,\"eos_token_id\":2,\"hidden_act\":\"silu\","
    "\"hidden_size\":2048,\"initializer_range\":0.02,\"intermediate_size\":8192,"
    "\"max_position_embeddings\":8192,\"mlp_bias\":false,\"num_attention_heads\":32,"
    "\"num_hidden_layers\":24,\"num_key_value_heads\":32,\"pad_token_id\":2,"
    "\"pretraining_tp\":1,\"rms_norm_eps\":1e-05,\"rope_scaling\":null,\"rope_theta\":130000,"
    "\"tie_word_embeddings\":true,\"torch_dtype\":\"bfloat16\",\"use_cache\":true,"
    "\"vocab_size\":49152}";

#define STOP_2 "{\"bos_token_id\":1,\"eos_token_id\":2,\"pad_token_id\":2}"
#define STOP_QWEN3                                                                                 \
    "{\"bos_token_id\":151643,\"do_sample\":true,\"eos_token_id\":[151645,151643],"                \
    "\"pad_token_id\":151643,\"temperature\":0.6,\"top_k\":20,\"top_p\":0.95}"
#define STOP_QWEN35                                                                                \
    "{\"do_sample\":true,\"eos_token_id\":[248046,248044],\"temperature\":0.6,\"top_k\":20,"       \
    "\"top_p\":0.95}"
#define STOP_GEMMA4                                                                                \
    "{\"bos_token_id\":2,\"do_sample\":true,\"eos_token_id\":[1,106,50],\"pad_token_id\":0,"       \
    "\"temperature\":1.0,\"top_k\":64,\"top_p\":0.95}"

const as_synth_row as_synth_rows[] = {
    {"tiny-llama", "4 layers, 64 wide, 512 tokens", "llama", tiny_llama, STOP_2, true},
    {"tiny-qwen3", "4 layers, 64 wide, 512 tokens", "qwen3", tiny_qwen3, "{\"eos_token_id\":2}",
     true},
    {"tiny-qwen35", "5 layers, 64 wide, 512 tokens", "qwen35", tiny_qwen35, "{\"eos_token_id\":2}",
     true},
    {"tiny-qwen35-even", "6 layers, every third full", "qwen35", tiny_qwen35_even,
     "{\"eos_token_id\":2}", true},
    {"tiny-qwen35-wide", "3 layers, value heads 32 wide", "qwen35", tiny_qwen35_wide,
     "{\"eos_token_id\":2}", true},
    {"tiny-gemma4", "8 layers, 64 wide, 512 tokens", "gemma4", tiny_gemma4,
     "{\"eos_token_id\":[1,106]}", true},
    {"qwen3-0.6b", "Qwen3-0.6B: 28 layers, 1024 wide", "qwen3", qwen3_06, STOP_QWEN3, false},
    {"qwen3-1.7b", "Qwen3-1.7B: 28 layers, 2048 wide", "qwen3", qwen3_17, STOP_QWEN3, false},
    {"qwen3.5-0.8b", "Qwen3.5-0.8B: 24 layers, 1024 wide", "qwen35", qwen35_08, STOP_QWEN35, false},
    {"gemma4-e2b", "Gemma 4 E2B: 35 layers, 1536 wide", "gemma4", gemma4_e2b, STOP_GEMMA4, false},
    {"smollm2-1.7b", "SmolLM2-1.7B: 24 layers, 2048 wide", "llama", smollm2_17, STOP_2, false},
};
const size_t as_synth_n_rows = sizeof as_synth_rows / sizeof as_synth_rows[0];
