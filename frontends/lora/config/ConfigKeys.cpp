#include "frontends/lora/config/ConfigKeys.h"
#include <limits>

namespace llmc::lora {
namespace {

using C = TrainConfig;

constexpr Range kAny{};
constexpr Range kNotNegative{.least = 0};
constexpr Range kPositive{.least = 0, .openLeast = true};
constexpr Range kAtLeastOne{.least = 1};
constexpr Range kShare{.least = 0, .most = 1, .openMost = true};
constexpr Range kUpToOne{.least = 0, .most = 1};
constexpr Range kRanks{.least = 1, .most = 4096};
constexpr Range kCounts{.least = 1, .most = 1 << 20};
constexpr Range kSteps{.least = 0, .most = 1e12};
constexpr bool kFixed = true, kFree = false;

const ConfigKey kKeys[] = {
    {"model", "base_model model_name_or_path base_model_name_or_path", &C::model, "", kAny, "",
     "the GGUF to adapt; it stays as it is", "--model-base FNAME", kFixed},
    {"data", "dataset train_data train_file", &C::data, "", kAny, "",
     "a text file, a .jsonl file, or a directory with train and valid files", "--train-data FNAME",
     kFixed},
    {"valid", "valid_data valid_file eval_file validation_file", &C::validationData, "", kAny, "",
     "a file to validate with; val_size is then not used", "", kFixed},
    {"output_dir", "adapter_path", &C::outputDir, "out", kAny, "",
     "where adapter, checkpoints, metrics.jsonl and loss.svg go",
     "--lora-out FNAME, --checkpoint-out FNAME", kFree},
    {"adapter_init", "resume_adapter_file lora_model_dir", &C::adapterInit, "", kAny, "",
     "an adapter to start from instead of a new one", "", kFixed},
    {"fine_tune_type", "adapter finetuning_type peft_type", &C::fineTuneType, "lora", kAny, "lora",
     "what is trained", "", kFixed},

    {"lora.rank", "r lora_r lora_rank lora_parameters.rank model.lora_rank", &C::rank, "8", kRanks,
     "", "rank of the adapter's matrices", "--lora-r N", kFixed},
    {"lora.alpha", "lora_alpha model.lora_alpha", &C::alpha, "auto", kPositive, "auto",
     "the adapter counts alpha / rank times; auto is twice the rank", "--lora-alpha N", kFixed},
    {"lora.scale", "lora_parameters.scale", &C::scale, "none", kPositive, "none",
     "alpha / rank itself, instead of alpha", "", kFixed},
    {"lora.dropout", "lora_dropout lora_parameters.dropout model.lora_dropout", &C::dropout, "0",
     kShare, "", "share of an adapter's inputs that a step leaves out", "", kFixed},
    {"lora.target_modules", "lora_target_modules lora_target lora_parameters.keys target_modules",
     &C::targetModules, "all-linear", kAny, "",
     "all-linear (the seven of each layer) or a list, in GGUF's or Hugging Face's names; also "
     "token_embd, output",
     "", kFixed},
    {"lora.rank_pattern", "", &C::rankPattern, "{}", kRanks, "",
     "ranks of single modules: {attn_q: 8, blk.0.ffn_up: 2}",
     "--rank-wq N (attn_q), --rank-wk N (attn_k), --rank-wv N (attn_v), --rank-wo N (attn_output), "
     "--rank-w1 N (ffn_gate), --rank-ffn-gate N (ffn_gate), --rank-w2 N (ffn_down), "
     "--rank-ffn-down N (ffn_down), --rank-w3 N (ffn_up), --rank-ffn-up N (ffn_up), "
     "--rank-tok-embd N (token_embd), --rank-out N (output)",
     kFixed},
    {"lora.alpha_pattern", "", &C::alphaPattern, "{}", kPositive, "", "alphas of single modules",
     "", kFixed},
    {"lora.use_rslora", "use_rslora peft_use_rslora", &C::useRslora, "false", kAny, "",
     "the adapter counts alpha / sqrt(rank) times", "", kFixed},
    {"lora.loraplus_lr_ratio", "loraplus_lr_ratio", &C::loraPlusRatio, "1", kPositive, "",
     "LoRA+: the learning rate of the matrices B is so many times that of the matrices A; that of "
     "token_embd stays",
     "", kFixed},
    {"num_layers", "lora_layers", &C::numLayers, "all", kCounts, "all",
     "adapt the last so many layers only", "", kFixed},

    {"max_seq_length", "sequence_len cutoff_len max_length tokenizer.max_seq_len", &C::maxSeqLength,
     "256", Range{.least = 2, .most = 1 << 20}, "", "tokens of a sample that are learned from",
     "-c N, --ctx N", kFixed},
    {"batch_size", "micro_batch_size per_device_train_batch_size", &C::batchSize, "4", kCounts, "",
     "samples that are computed at once", "-b N, --batch N", kFixed},
    {"gradient_accumulation_steps", "grad_accumulation_steps", &C::accumulationSteps, "1", kCounts,
     "", "batches of a step", "--grad-acc N", kFixed},
    {"epochs", "num_epochs num_train_epochs", &C::epochs, "1", kPositive, "",
     "how often all samples are seen, unless max_steps is given", "--epochs N", kFixed},
    {"max_steps", "iters max_iters", &C::maxSteps, "by epochs", Range{.least = 1, .most = 1e12},
     "by epochs", "steps of the optimizer", "--adam-iter N", kFixed},

    {"learning_rate", "lr optimizer.lr", &C::learningRate, "2e-4", Range{0, 10, true}, "",
     "the highest of the schedule", "--adam-alpha N", kFixed},
    {"min_learning_rate", "lr_min", &C::minLearningRate, "0", kNotNegative, "",
     "the lowest of the schedule, warm-up included", "--adam-min-alpha N", kFixed},
    {"min_lr_ratio", "cosine_min_lr_ratio", &C::minLrRatio, "0", kUpToOne, "",
     "where the decay ends, as a share of learning_rate", "--cos-decay-min N", kFixed},
    {"lr_scheduler", "lr_scheduler_type lr_schedule lr_schedule.name", &C::lrScheduler, "cosine",
     kAny,
     "constant|linear|cosine|cosine_with_restarts|constant_with_warmup=constant|cosine_decay=cosine"
     "|linear_schedule=linear",
     "how the learning rate falls after the warm-up",
     "--enable-restart (cosine_with_restarts), --disable-restart (cosine)", kFixed},
    {"warmup_steps", "lr_schedule.warmup num_warmup_steps lr_scheduler.num_warmup_steps",
     &C::warmupSteps, "0", kSteps, "", "steps in which the learning rate rises from 0",
     "--warmup N", kFixed},
    {"warmup_ratio", "", &C::warmupRatio, "0", kUpToOne, "",
     "the same as a share of all steps, unless warmup_steps is given", "", kFixed},
    {"lr_decay_steps", "", &C::lrDecaySteps, "auto", Range{.least = 1, .most = 1e12}, "auto",
     "steps of the first decay; auto: so many that the last one ends with the training",
     "--cos-decay-steps N", kFixed},
    {"lr_cycles", "num_cycles lr_scheduler_kwargs.num_cycles", &C::lrCycles, "1", kCounts, "",
     "decays of cosine_with_restarts, where lr_decay_steps is auto", "", kFixed},
    {"lr_restart_growth", "", &C::lrRestartGrowth, "1", Range{.least = 1, .most = 1000}, "",
     "each decay of cosine_with_restarts is so many times as long as the one before",
     "--cos-decay-restart N", kFixed},

    {"optimizer", "optim optimizer.name", &C::optimizer, "adamw", kAny,
     "adamw|adamw_8bit|adamw_torch=adamw|adamw_bnb_8bit=adamw_8bit|paged_adamw_8bit=adamw_8bit",
     "AdamW with bias correction, its moments in f32 or in 8-bit blocks; the decay is decoupled "
     "and "
     "of matrices only",
     "--use-adam, --adam-decay-min-ndim N (always 2)", kFixed},
    {"adam_beta1", "", &C::adamBeta1, "0.9", kShare, "", "smoothing of gradients", "--adam-beta1 N",
     kFixed},
    {"adam_beta2", "", &C::adamBeta2, "0.999", kShare, "", "smoothing of their squares",
     "--adam-beta2 N", kFixed},
    {"adam_epsilon", "adam_eps", &C::adamEpsilon, "1e-8", kPositive, "",
     "added to the root of the smoothed squares", "", kFixed},
    {"weight_decay", "optimizer.weight_decay", &C::weightDecay, "0.01", kNotNegative, "",
     "share of a weight that a step takes away, times the learning rate", "--adam-decay N", kFixed},
    {"max_grad_norm", "clip_grad_norm gradient_clipping", &C::maxGradNorm, "1", kPositive, "none",
     "gradients whose norm over all matrices is larger are scaled down to it", "--adam-gclip N",
     kFixed},

    {"gradient_checkpointing", "grad_checkpoint enable_activation_checkpointing",
     &C::gradientCheckpointing, "true", kAny, "",
     "keep only each layer's input and compute the layer again: less memory, more time",
     "--use-checkpointing, --no-checkpointing (false)", kFree},
    {"memory_budget", "", &C::memoryBudget, "auto", Range{.least = 1, .most = 1e18}, "auto bytes",
     "memory for what is kept between forward and backward: 700MiB, 2GiB", "", kFree},
    {"compute", "", &C::compute, "auto", kAny, "auto|f32|int16",
     "arithmetic of products with the frozen weights", "", kFixed},
    {"threads", "", &C::threads, "auto", Range{.least = 1, .most = 256}, "auto",
     "threads; auto is one for each core", "-t N, --threads N", kFree},

    {"save_steps", "save_every", &C::saveSteps, "10", kSteps, "never", "steps between checkpoints",
     "--save-every N", kFree},
    {"save_total_limit", "", &C::saveTotalLimit, "3", kCounts, "all",
     "checkpoints that stay, the newest ones", "", kFree},
    {"resume_from_checkpoint", "auto_resume_from_checkpoints", &C::resume, "auto", kAny,
     "auto|none|true=auto|false=none|...",
     "auto: go on from the newest whole checkpoint in output_dir, if there is one; none: start "
     "anew; or a checkpoint's path",
     "--checkpoint-in FNAME", kFree},
    {"eval_steps", "steps_per_eval", &C::evalSteps, "50", kSteps, "never",
     "steps between validations; there is one at the end in any case", "", kFree},
    {"eval_batches", "val_batches max_eval_batches", &C::evalBatches, "all", kCounts, "all",
     "batches of a validation", "", kFree},
    {"val_size", "val_set_size val_split", &C::valSize, "0.05", kNotNegative, "",
     "samples held back to validate with: a share below 1, or a number", "", kFixed},
    {"logging_steps", "steps_per_report log_every_n_steps", &C::loggingSteps, "1", kCounts, "",
     "steps between lines of metrics.jsonl", "", kFree},
    {"early_stopping.patience", "early_stopping_patience", &C::patience, "none", kCounts, "none",
     "stop after so many validations without a better loss (steps, where there is no validation)",
     "--opt-max-no-improvement N", kFree},
    {"early_stopping.past", "", &C::past, "none", kCounts, "none",
     "stop when the loss is as it was so many steps ago", "--opt-past N", kFree},
    {"early_stopping.delta", "early_stopping_threshold", &C::earlyStoppingDelta, "1e-5",
     kNotNegative, "", "smaller changes, as a share of the loss, are none", "--opt-delta N", kFree},
    {"seed", "random_seed", &C::seed, "1", Range{.least = 0, .most = 9007199254740992.0}, "",
     "of the first matrices, the order of samples and dropout", "-s SEED, --seed SEED", kFixed},

    {"sample_start", "", &C::sampleStart, "\"\"", kAny, "",
     "plain text: where samples start; empty: at each token", "--sample-start STR", kFixed},
    {"include_sample_start", "", &C::includeSampleStart, "false", kAny, "",
     "plain text: sample_start belongs to the sample", "--include-sample-start", kFixed},
    {"overlapping", "overlapping_samples", &C::overlapping, "false", kAny, "",
     "plain text: samples go on into the next ones up to max_seq_length", "--overlapping-samples",
     kFixed},
    {"fill_with_next", "fill_with_next_samples packing sample_packing", &C::fillWithNext, "false",
     kAny, "", "fill what a short sample leaves with the samples that follow",
     "--fill-with-next-samples", kFixed},
    {"separate_with_bos", "", &C::separateWithBos, "true", kAny, "",
     "fill_with_next: the begin-of-text token between samples",
     "--separate-with-bos, --no-separate-with-bos (false)", kFixed},
    {"separate_with_eos", "", &C::separateWithEos, "false", kAny, "",
     "fill_with_next: the end-of-text token between samples",
     "--separate-with-eos, --no-separate-with-eos (false)", kFixed},
    {"mask_prompt",
     "!train_on_inputs !train_on_prompt !train_on_input completion_only_loss assistant_only_loss "
     "train_on_completions",
     &C::maskPrompt, "true", kAny, "", "learn answers only, not what they answer", "", kFixed},
    {"add_eos", "", &C::addEos, "true", kAny, "",
     "the end-of-text token after samples that end within max_seq_length", "", kFixed},
    {"long_samples", "", &C::longSamples, "cut", kAny, "cut|error",
     "what to do with samples of more than max_seq_length tokens", "", kFixed},
    {"chat_template", "template", &C::chatTemplate, "auto", kAny,
     "auto|chatml|llama3|llama2|gemma|zephyr|vicuna|alpaca",
     "how messages become text; auto: as the model's own template does", "", kFixed},
    {"shuffle", "", &C::shuffle, "true", kAny, "", "a new order of samples for each epoch", "",
     kFixed},
    {"force_reshuffle", "", &C::forceReshuffle, "false", kAny, "",
     "a resumed run starts a new order", "--force-reshuffle", kFree},

    {"rope_freq_base", "", &C::ropeFreqBase, "auto", kPositive, "auto",
     "base of the rotary embedding; the model's, which auto is, cannot be changed yet",
     "--rope-freq-base F", kFixed},
    {"rope_freq_scale", "", &C::ropeFreqScale, "auto", kPositive, "auto",
     "scale of its positions; the model's, which auto is, cannot be changed yet",
     "--rope-freq-scale F", kFixed},
    {"norm_rms_eps", "", &C::normRmsEps, "auto", kPositive, "auto",
     "epsilon of the norms; the model's, which auto is, cannot be changed yet", "--norm-rms-eps F",
     kFixed},

    {"debug.dump_batches", "", &C::dumpBatches, "", kAny, "",
     "a directory for the token ids and loss masks of each step (.npy)", "", kFree},
    {"debug.dump_gradients", "", &C::dumpGradients, "[]", kAtLeastOne, "",
     "steps whose gradients are written (.safetensors)", "", kFree},
};

constexpr OldFlag kOldFlags[] = {
    {"--only-write-lora", "the adapter is written beside each checkpoint and at the end"},
    {"--pattern-fn-it STR, --fn-latest STR", "checkpoints are numbered; the adapter is the newest"},
    {"--escape", "YAML's own escapes in double quotes: `sample_start: \"\\n\"`"},
    {"--use-lbfgs, --lbfgs-iter N", "there is AdamW only"},
    {"--use-flash, --no-flash", "attention is always computed in tiles"},
    {"--rank-att-norm N, --rank-ffn-norm N, --rank-out-norm N",
     "norms are vectors and stay as they are"},
    {"--adam-epsf N", "`early_stopping.delta`"},
    {"--sample-random-offsets", "an empty `sample_start` has a sample at each token"},
    {"-ngl N, --n-gpu-layers N", "everything runs on the CPU"},
};

} // namespace

std::span<const ConfigKey> configKeys() { return kKeys; }
std::span<const OldFlag> flagsWithoutKey() { return kOldFlags; }

} // namespace llmc::lora
