#include "frontends/lora/config/TrainConfig.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "frontends/lora/config/AdapterPlan.h"
#include "frontends/lora/config/ConfigKeys.h"
#include "frontends/lora/config/ConfigValues.h"
#include "runtime/core/MappedFile.h"
#include "tests/unit/lora/TestModel.h"
#include <cmath>
#include <set>

namespace llmc::lora::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TrainConfig parsed(const std::string &yaml, const std::vector<std::string> &overrides = {}) {
  auto config = parseConfig(yaml, "c.yaml", overrides);
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? *config : defaultConfig();
}

std::string errorOf(const std::string &yaml, const std::vector<std::string> &overrides = {}) {
  return messageOf(parseConfig(yaml, "c.yaml", overrides));
}

// The example of the documentation.
constexpr char kExample[] = R"(model: base.gguf
data: sonnets.txt
output_dir: out
lora: {rank: 4, alpha: 4, dropout: 0.0, target_modules: all-linear, rank_pattern: {attn_q: 8}}
max_seq_length: 64
batch_size: 4
gradient_accumulation_steps: 1
max_steps: 30
learning_rate: 1e-3
lr_scheduler: cosine
warmup_steps: 100
optimizer: adamw
gradient_checkpointing: true
save_steps: 10
eval_steps: 10
val_size: 0.05
seed: 1
resume_from_checkpoint: auto
sample_start: "<s>"
)";

TEST(TrainConfig, ReadsTheExample) {
  const TrainConfig config = parsed(kExample);
  EXPECT_EQ(config.model, "base.gguf");
  EXPECT_EQ(config.rank, 4);
  EXPECT_EQ(config.alpha, 4);
  EXPECT_THAT(config.targetModules, ElementsAre("attn_q", "attn_k", "attn_v", "attn_output",
                                                "ffn_gate", "ffn_up", "ffn_down"));
  EXPECT_THAT(config.rankPattern, ElementsAre(Pair("attn_q", 8)));
  EXPECT_EQ(config.learningRate, 1e-3);
  EXPECT_EQ(config.maxSteps, 30);
  EXPECT_EQ(config.sampleStart, "<s>");
  EXPECT_TRUE(checkComplete(config, "c.yaml").ok());
  EXPECT_THAT(std::string(checkComplete(parsed("model: a"), "c.yaml").message()),
              HasSubstr("c.yaml: data is not given"));
}

TEST(TrainConfig, KnowsOtherProgramsNames) {
  const TrainConfig peft =
      parsed("lora_r: 16\nlora_alpha: 8\nlora_target: q_proj,v_proj\n"
             "per_device_train_batch_size: 2\nnum_train_epochs: 3.5\n"
             "lr_scheduler_type: linear\ncutoff_len: 99\ntrain_on_inputs: true\n");
  EXPECT_EQ(peft.rank, 16);
  EXPECT_EQ(peft.alpha, 8);
  EXPECT_THAT(peft.targetModules, ElementsAre("attn_q", "attn_v"));
  EXPECT_EQ(peft.batchSize, 2);
  EXPECT_EQ(peft.epochs, 3.5);
  EXPECT_EQ(peft.maxSeqLength, 99);
  EXPECT_FALSE(peft.maskPrompt);
  const TrainConfig mlx = parsed(
      "lora_parameters: {rank: 4, scale: 20, dropout: 0.1, keys: [self_attn.q_proj, "
      "mlp.up_proj]}\niters: 7\nlr_schedule: {name: cosine_decay, warmup: 5}\nnum_layers: -1\n"
      "grad_checkpoint: no\nresume_from_checkpoint: null\n");
  EXPECT_EQ(mlx.alpha, 80);
  EXPECT_THAT(mlx.targetModules, ElementsAre("attn_q", "ffn_up"));
  EXPECT_EQ(mlx.maxSteps, 7);
  EXPECT_EQ(mlx.lrScheduler, "cosine");
  EXPECT_EQ(mlx.warmupSteps, 5);
  EXPECT_EQ(mlx.numLayers, 0);
  EXPECT_FALSE(mlx.gradientCheckpointing);
  EXPECT_EQ(mlx.resume, "none");
  const TrainConfig unsloth = parsed("training: {learning_rate: 1e-5}\nlora: {lora_r: 3}\n");
  EXPECT_EQ(unsloth.learningRate, 1e-5);
  EXPECT_EQ(unsloth.rank, 3);
  EXPECT_EQ(unsloth.alpha, 6); // auto
  const TrainConfig axolotl =
      parsed("optimizer: adamw_bnb_8bit\nloraplus_lr_ratio: 16\nadapter: lora\n");
  EXPECT_EQ(axolotl.optimizer, "adamw_8bit");
  EXPECT_EQ(axolotl.loraPlusRatio, 16);
  EXPECT_EQ(parsed("optim: paged_adamw_8bit").optimizer, "adamw_8bit");
}

TEST(TrainConfig, PreferencesByOtherProgramsNames) {
  EXPECT_EQ(defaultConfig().trainMode, "sft");
  EXPECT_FALSE(learnsPreferences(defaultConfig()));
  const TrainConfig trl = parsed("train_mode: dpo\nbeta: 0.2\nloss_type: hinge\n");
  EXPECT_EQ(trl.trainMode, "dpo");
  EXPECT_EQ(trl.beta, 0.2);
  EXPECT_EQ(trl.dpoLossType, "hinge");
  EXPECT_EQ(sequencesPerSample(trl), 2u);
  const TrainConfig axolotl = parsed("rl: ipo\nrl_beta: 0.3\n");
  EXPECT_EQ(axolotl.trainMode, "dpo");
  EXPECT_EQ(axolotl.dpoLossType, "ipo");
  EXPECT_EQ(axolotl.beta, 0.3);
  EXPECT_EQ(parsed("rl: orpo\norpo_alpha: 0.4\n").beta, 0.4);
  const TrainConfig factory = parsed("stage: dpo\npref_beta: 0.5\npref_loss: orpo\n");
  EXPECT_EQ(factory.trainMode, "orpo");
  EXPECT_EQ(factory.dpoLossType, "sigmoid");
  EXPECT_EQ(factory.beta, 0.5);
  EXPECT_EQ(parsed("stage: pt\n").trainMode, "sft");

  EXPECT_THAT(errorOf("rl: kto"), HasSubstr("'kto' is not known; give sft, dpo, orpo, ipo"));
  EXPECT_THAT(errorOf("train_mode: dpo\nfill_with_next: true\n"),
              HasSubstr("c.yaml:2: fill_with_next: an answer of a pair has a row of its own"));
  EXPECT_THAT(errorOf("train_mode: orpo\ntrain_on_inputs: true\n"),
              HasSubstr("c.yaml:2: mask_prompt"));
  EXPECT_THAT(errorOf("train_mode: orpo\nlabel_smoothing: 0.1\n"), HasSubstr("label_smoothing"));
  EXPECT_THAT(errorOf("train_mode: dpo\nlabel_smoothing: 0.5\n"), HasSubstr("out of range"));
  EXPECT_THAT(errorOf("fine_tune_type: full\ntrain_mode: dpo\n"),
              HasSubstr("c.yaml:2: train_mode: dpo compares with the model as it was"));
  EXPECT_EQ(parsed("fine_tune_type: full\ntrain_mode: orpo\n").trainMode, "orpo");
  EXPECT_THAT(errorOf("train_mode: orpo\npref_loss: ipo\n"),
              HasSubstr("dpo_loss_type: is of train_mode: dpo"));
}

TEST(TrainConfig, FirstValuesByPeftsNames) {
  EXPECT_FALSE(isPissa(defaultConfig()));
  EXPECT_FALSE(isPissa(parsed("init_lora_weights: true")));
  EXPECT_TRUE(isPissa(parsed("lora: {init: pissa}")));
  EXPECT_EQ(pissaIterations(parsed("lora: {init: pissa}")), 0);
  EXPECT_EQ(pissaIterations(parsed("init_lora_weights: pissa_niter_16")), 16);
  for (const char *init : {"olora", "pissa_niter_", "pissa_niter_0", "pissa_niter_x", "false"})
    EXPECT_THAT(errorOf(absl::StrCat("lora: {init: ", init, "}")),
                HasSubstr("is not known; give default, pissa or pissa_niter_4"))
        << init;
  EXPECT_THAT(errorOf("lora: {init: pissa}\nadapter_init: a.gguf\n"),
              HasSubstr("c.yaml:1: lora.init: adapter_init is given, too"));
  EXPECT_THAT(errorOf("lora: {init: pissa}\nfine_tune_type: full\n"),
              HasSubstr("lora.init: is of adapters"));
}

TEST(TrainConfig, NumbersAndWords) {
  EXPECT_EQ(parsed("learning_rate: 1e-5").learningRate, 1e-5);
  EXPECT_EQ(parsed("learning_rate: '1e-5'").learningRate, 1e-5);
  EXPECT_EQ(parsed("max_steps: 1e3").maxSteps, 1000);
  EXPECT_EQ(parsed("memory_budget: 1.5GiB").memoryBudget, 1610612736);
  EXPECT_EQ(parsed("memory_budget: auto").memoryBudget, 0);
  EXPECT_EQ(parsed("max_grad_norm: 0").maxGradNorm, 0);
  EXPECT_EQ(parsed("max_grad_norm: none").maxGradNorm, 0);
  EXPECT_EQ(parsed("resume_from_checkpoint: true").resume, "auto");
  EXPECT_EQ(parsed("resume_from_checkpoint: out/x").resume, "out/x");
  EXPECT_EQ(parsed("sample_start: \"\\n\"").sampleStart, "\n");
  EXPECT_THAT(parsed("debug: {dump_gradients: [1, 2]}").dumpGradients, ElementsAre(1, 2));
  EXPECT_THAT(parsed("lora: {rank_pattern: {q_proj: 2, blk.0.ffn_up: 3, "
                     "model.layers.1.mlp.down_proj: 4}}")
                  .rankPattern,
              ElementsAre(Pair("attn_q", 2), Pair("blk.0.ffn_up", 3), Pair("blk.1.ffn_down", 4)));
}

TEST(TrainConfig, Lists) {
  EXPECT_THAT(parsed("").reportTo, ElementsAre("html"));
  EXPECT_THAT(parsed("report_to: all").reportTo, ElementsAre("tensorboard", "html"));
  EXPECT_THAT(parsed("report_to: [html, TensorBoard, html]").reportTo,
              ElementsAre("html", "tensorboard"));
  EXPECT_THAT(parsed("report_to: tensorboard, html").reportTo, ElementsAre("tensorboard", "html"));
  for (const char *none : {"report_to: none", "report_to: []", "report_to:", "report_to: [none]"})
    EXPECT_THAT(parsed(none).reportTo, ElementsAre()) << none;
  // A text of its own is not cut at commas.
  const TrainConfig config = parsed("sample_prompts: 'Once, upon'\nsample_steps: 5");
  EXPECT_THAT(config.samplePrompts, ElementsAre("Once, upon"));
  EXPECT_THAT(parsed("sample_prompts: [\"a\\n\\\"b\", c]\nsample_steps: 5").samplePrompts,
              ElementsAre("a\n\"b", "c"));
  EXPECT_EQ(printConfig(parsed(printConfig(config))), printConfig(config));
  EXPECT_THAT(errorOf("sample_prompts: [a]"), HasSubstr("give sample_steps, too"));
  EXPECT_THAT(errorOf("report_to: wandb"), HasSubstr("give tensorboard, html, none, all"));
}

TEST(TrainConfig, ErrorsNameLineAndRemedy) {
  EXPECT_EQ(errorOf("model: a\nlearning_rat: 1\n"),
            "c.yaml:2: learning_rat: unknown key; did you mean learning_rate?");
  EXPECT_EQ(errorOf("lora:\n  rnak: 4\n"),
            "c.yaml:2: lora.rnak: unknown key; did you mean lora.rank?");
  EXPECT_THAT(errorOf("train_on_inptus: true"), HasSubstr("did you mean train_on_inputs?"));
  EXPECT_THAT(errorOf("zzzzzzzz: 1"), HasSubstr("--print-config"));
  EXPECT_EQ(
      errorOf("learning_rate: .nan"),
      "c.yaml:1: learning_rate: '.nan' is not a number; give one that is between 0 and 10, not 0");
  for (const char *number : {"nan", "inf", "-inf", "1e999"})
    EXPECT_THAT(errorOf(absl::StrCat("learning_rate: ", number)), HasSubstr("not a finite number"))
        << number;
  EXPECT_THAT(errorOf("learning_rate: -1"),
              HasSubstr("out of range; give a number that is between 0"));
  EXPECT_THAT(errorOf("learning_rate: 0"), HasSubstr("out of range"));
  EXPECT_THAT(errorOf("learning_rate: fast"), HasSubstr("'fast' is not a number"));
  EXPECT_THAT(errorOf("learning_rate: [1]"), HasSubstr("it has to be a number"));
  EXPECT_THAT(errorOf("lora: {rank: 2.5}"), HasSubstr("'2.5' is not a whole number"));
  EXPECT_THAT(errorOf("lora: {rank: 0}"), HasSubstr("between 1 and 4096"));
  EXPECT_THAT(errorOf("lora: {dropout: 1}"), HasSubstr("between 0 and 1, not 1"));
  EXPECT_THAT(errorOf("shuffle: maybe"), HasSubstr("neither true nor false"));
  EXPECT_THAT(errorOf("lr_scheduler: cosinus"),
              HasSubstr("give constant, linear, cosine, cosine_with_restarts"));
  EXPECT_THAT(errorOf("lora: {target_modules: [q_proj, rotary]}"),
              HasSubstr("'rotary' is no module"));
  EXPECT_THAT(errorOf("lora: {target_modules: []}"), HasSubstr("nothing to train"));
  EXPECT_THAT(errorOf("lora: {rank_pattern: {attn_q: x}}"), HasSubstr("'x' is not a whole number"));
  EXPECT_THAT(errorOf("lora: {rank_pattern: 8}"), HasSubstr("a map of modules"));
  EXPECT_THAT(errorOf("lora: 8"), HasSubstr("lora: unknown key"));
  EXPECT_THAT(errorOf("lora_r: 8\nlora: {rank: 8}"),
              HasSubstr("c.yaml:2: lora.rank: already given as lora.rank at c.yaml:1"));
  EXPECT_THAT(errorOf("model: a\nmodel: b"), HasSubstr("already given"));
  EXPECT_THAT(errorOf("lora: {alpha: 1, scale: 2}"), HasSubstr("lora.alpha is given, too"));
  EXPECT_THAT(errorOf("overlapping: true\nfill_with_next: true"), HasSubstr("no room left"));
  EXPECT_THAT(errorOf("val_size: 1.5"), HasSubstr("whole number of samples"));
}

TEST(TrainConfig, RefusesWhatIsNoConfig) {
  EXPECT_THAT(errorOf("a: [1, 2"), HasSubstr("c.yaml:"));
  EXPECT_THAT(errorOf("- a\n- b\n"), HasSubstr("a config is a list of"));
  EXPECT_THAT(errorOf("just text"), HasSubstr("a config is a list of"));
  EXPECT_THAT(errorOf("? [a]\n: b"), HasSubstr("single word"));
  EXPECT_THAT(errorOf("data: {a: {b: c}}"), HasSubstr("single values"));
  EXPECT_THAT(errorOf("a: *b"), HasSubstr("not YAML"));
  EXPECT_THAT(errorOf(std::string(100000, '[')), HasSubstr("not YAML"));
  EXPECT_THAT(errorOf(std::string("a\x01\xff: 1", 6)), HasSubstr("c.yaml"));
  EXPECT_EQ(errorOf("# nothing\n"), "no error");
}

TEST(TrainConfig, OverridesComeLast) {
  const TrainConfig config = parsed(
      kExample, {"lora.rank=8", "lora_r=9", "lora.target_modules=[q_proj]", "sample_start="});
  EXPECT_EQ(config.rank, 9);
  EXPECT_THAT(config.targetModules, ElementsAre("attn_q"));
  EXPECT_EQ(config.sampleStart, "");
  EXPECT_THAT(errorOf("", {"lora.rnk=8"}), HasSubstr("--set lora.rnk=8: lora.rnk: unknown key"));
  EXPECT_THAT(errorOf("", {"lora.rank"}), HasSubstr("no '='"));
  EXPECT_THAT(errorOf("", {"lora.rank=[1"}), HasSubstr("not YAML"));
}

TEST(TrainConfig, PrintsWhatItReads) {
  TrainConfig config =
      parsed(kExample, {"sample_start=\"a \\\"b\\\" \\\\ \\n\\x01é\"",
                        "lora.alpha_pattern={attn_k: 0.1}", "learning_rate=0.30000000000000004",
                        "debug.dump_gradients=[3, 4]", "memory_budget=3GiB", "model='x: #y'"});
  const std::string text = printConfig(config);
  const TrainConfig again = parsed(text);
  EXPECT_EQ(printConfig(again), text);
  EXPECT_EQ(again.sampleStart, "a \"b\" \\ \n\x01é");
  EXPECT_EQ(again.learningRate, 0.30000000000000004);
  EXPECT_EQ(again.model, "x: #y");
  const std::string defaults = printConfig(defaultConfig());
  EXPECT_EQ(printConfig(parsed(defaults)), defaults);
  for (const ConfigKey &key : configKeys()) {
    absl::string_view name = key.name;
    name.remove_prefix(name.rfind('.') + 1);
    EXPECT_THAT(defaults, HasSubstr(absl::StrCat(name, ": ")));
  }
}

TEST(TrainConfig, ResumedRunsAreCompared) {
  const TrainConfig before = parsed(kExample);
  EXPECT_TRUE(configDifferences(fixedConfig(before), before).empty());
  const TrainConfig after =
      parsed(kExample, {"lora.rank=8", "save_steps=99", "threads=3", "data=b.txt"});
  EXPECT_THAT(configDifferences(fixedConfig(before), after),
              ElementsAre("data was \"sonnets.txt\" and is \"b.txt\"", "lora.rank was 4 and is 8"));
}

// The table's own promises.
TEST(ConfigKeys, NamesAreUniqueAndDefaultsRead) {
  std::set<std::string> seen;
  for (const ConfigKey &key : configKeys()) {
    EXPECT_TRUE(seen.insert(key.name).second) << key.name;
    EXPECT_NE(std::string(key.help), "") << key.name;
    for (absl::string_view alias : absl::StrSplit(key.aliases, ' ', absl::SkipEmpty())) {
      absl::ConsumePrefix(&alias, "!");
      EXPECT_TRUE(seen.insert(std::string(alias)).second) << alias;
      EXPECT_EQ(findConfigKey(alias).key, &key) << alias;
    }
    TrainConfig config = defaultConfig();
    EXPECT_TRUE(setValue(config, {&key}, defaultValue(key)).ok()) << key.name;
  }
}

// The README has the page's table of flags.
TEST(ConfigKeys, ReadmeHasTheOldFlags) {
  auto readme = MappedFile::open(LLMC_README);
  ASSERT_TRUE(readme.ok()) << readme.status();
  const absl::string_view text(reinterpret_cast<const char *>(readme->bytes().data()),
                               readme->size());
  EXPECT_TRUE(absl::StrContains(text, oldFlagsMarkdown()))
      << "put this table into frontends/lora/README.md:\n"
      << oldFlagsMarkdown();
}

// Every flag of the guide that the old program's users wrote.
TEST(ConfigKeys, EveryOldFlagHasARow) {
  const std::string page = oldFlagsMarkdown();
  for (const char *flag : {"--model-base",
                           "--train-data",
                           "--checkpoint-in",
                           "--checkpoint-out",
                           "--lora-out",
                           "--pattern-fn-it",
                           "--fn-latest",
                           "--save-every",
                           "--sample-start",
                           "--escape",
                           "--include-sample-start",
                           "--overlapping-samples",
                           "--fill-with-next-samples",
                           "--separate-with-eos",
                           "--separate-with-bos",
                           "--no-separate-with-eos",
                           "--no-separate-with-bos",
                           "--force-reshuffle",
                           "--threads",
                           "--no-checkpointing",
                           "--use-checkpointing",
                           "--ctx",
                           "--rope-freq-base",
                           "--rope-freq-scale",
                           "--batch",
                           "--grad-acc",
                           "--adam-iter",
                           "--lora-r",
                           "--lora-alpha",
                           "--adam-alpha",
                           "--rank-tok-embd",
                           "--rank-out",
                           "--rank-wq",
                           "--rank-wk",
                           "--rank-wv",
                           "--rank-wo",
                           "--rank-w1",
                           "--rank-w2",
                           "--rank-w3",
                           "--rank-att-norm",
                           "--rank-ffn-norm",
                           "--rank-out-norm",
                           "--seed",
                           "--only-write-lora",
                           "--use-adam",
                           "--use-lbfgs",
                           "--lbfgs-iter",
                           "--norm-rms-eps",
                           "--no-flash",
                           "--use-flash",
                           "--warmup",
                           "--cos-decay-steps",
                           "--cos-decay-restart",
                           "--cos-decay-min",
                           "--enable-restart",
                           "--disable-restart",
                           "--opt-past",
                           "--opt-delta",
                           "--opt-max-no-improvement",
                           "--adam-epsf",
                           "--adam-min-alpha",
                           "--adam-decay",
                           "--adam-decay-min-ndim",
                           "--adam-beta1",
                           "--adam-beta2",
                           "--adam-gclip"})
    EXPECT_THAT(page, HasSubstr(flag));
}

TEST(AdapterPlan, FollowsTheConfig) {
  const BaseModel base = makeBase();
  auto plan = planAdapter(parsed("lora: {rank: 4, target_modules: [q_proj, ffn_up, token_embd], "
                                 "rank_pattern: {attn_q: 2, blk.1.attn_q: 3}, alpha_pattern: "
                                 "{ffn_up: 1}}"),
                          base);
  ASSERT_TRUE(plan.ok()) << plan.status();
  std::vector<std::pair<std::string, double>> ranks;
  for (const AdapterMatrix &matrix : plan->matrices)
    ranks.emplace_back(matrix.weight, matrix.rank);
  EXPECT_THAT(ranks, ElementsAre(Pair("token_embd.weight", 4), Pair("blk.0.attn_q.weight", 2),
                                 Pair("blk.0.ffn_up.weight", 4), Pair("blk.1.attn_q.weight", 3),
                                 Pair("blk.1.ffn_up.weight", 4)));
  EXPECT_EQ(plan->matrices[1].scale(), 4.0);
  EXPECT_EQ(plan->matrices[2].scale(), 0.25);
  EXPECT_EQ(plan->matrices[0].inputs, 10u);
  initializeAdapter(*plan, 1);
  EXPECT_TRUE(checkAdapter(*plan, base).ok());

  plan = planAdapter(parsed("lora: {use_rslora: true, rank: 4, alpha: 6}\nnum_layers: 1"), base);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->matrices.size(), 7u);
  EXPECT_EQ(plan->matrices[0].weight, "blk.1.attn_q.weight");
  EXPECT_FLOAT_EQ(plan->matrices[0].scale(), 3.0);

  EXPECT_THAT(
      messageOf(planAdapter(parsed("lora: {target_modules: [output]}"), makeBase({.tied = true}))),
      HasSubstr("has no output (it uses token_embd for it)"));
  EXPECT_THAT(messageOf(planAdapter(parsed("lora: {rank_pattern: {blk.7.attn_q: 2}}"), base)),
              HasSubstr("blk.7.attn_q is not trained"));
}

TEST(AdapterPlan, FirstValues) {
  const BaseModel base = makeBase({.width = 64, .heads = 4, .kvHeads = 4, .feedForward = 128});
  auto plan = planAdapter(parsed("lora: {rank: 32}"), base);
  ASSERT_TRUE(plan.ok());
  Adapter other = *plan, same = *plan;
  initializeAdapter(*plan, 7);
  initializeAdapter(same, 7);
  initializeAdapter(other, 8);
  const std::vector<float> &a = plan->matrices[0].a;
  EXPECT_EQ(a, same.matrices[0].a);
  EXPECT_NE(a, other.matrices[0].a);
  EXPECT_NE(a, plan->matrices[1].a);
  double sum = 0, squares = 0, most = 0;
  for (float value : a) {
    sum += value;
    squares += double(value) * value;
    most = std::max(most, std::abs(double(value)));
  }
  // Uniform in +-1/8: variance (1/8)^2 / 3.
  EXPECT_LE(most, 0.125);
  EXPECT_GT(most, 0.124);
  EXPECT_NEAR(sum / a.size(), 0, 0.005);
  EXPECT_NEAR(squares / a.size(), 1 / 192.0, 0.0003);
  EXPECT_THAT(plan->matrices[0].b, ::testing::Each(0.0f));
}

} // namespace
} // namespace llmc::lora::testing
