#include "absl/strings/str_cat.h"
#include "frontends/chat/BuiltinTemplates.h"
#include "frontends/lora/data/Batches.h"
#include "frontends/lora/data/DataLoader.h"
#include "tests/unit/lora/TestData.h"
#include <map>
#include <set>

namespace llmc::lora::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Data, ASampleAtEachToken) {
  Data data(3);
  data.write("t.txt", "xyzuvw"); // seven tokens, the first one the space in front
  const TrainingData loaded = data.loaded();
  EXPECT_EQ(loaded.report.tokens, 7u);
  EXPECT_EQ(loaded.report.uniqueTokens, 7u);
  EXPECT_EQ(loaded.report.samples, 4u); // 7 - 3, as the old program counts
  EXPECT_EQ(data.rows(loaded.train),
            (Rows{{"<s> xy", " xy"}, {"<s>xyz", "xyz"}, {"<s>yzu", "yzu"}, {"<s>zuv", "zuv"}}));
}

TEST(Data, HoldsBackTheEndOfAText) {
  Data data(3);
  data.write("t.txt", "abcdefghijklmnopqrstuvwxyz");
  data.config.valSize = 0.3;
  const TrainingData loaded = data.loaded();
  // 26 tokens ("▁a" is one, "ab" is not reached): 8 are held, in blocks of 3.
  EXPECT_EQ(loaded.report.tokens, 26u);
  EXPECT_EQ(loaded.train.tokens().size(), 18u);
  EXPECT_EQ(loaded.report.samples, 15u);
  EXPECT_EQ(data.rows(loaded.validation),
            (Rows{{"<s>stu", "stu"}, {"<s>vwx", "vwx"}, {"<s>yz</s>", "yz"}}));
}

TEST(Data, SamplesStartWhereTheConfigSays) {
  Data data(5);
  data.config.sampleStart = "#";
  data.write("t.txt", "lost#xy#zuvwxyz##q");
  TrainingData loaded = data.loaded();
  EXPECT_EQ(data.rows(loaded.train), (Rows{{"<s> xy</s></s>", " xy</s>"},
                                           {"<s> zuvw", " zuvw"},
                                           {"<s> q</s></s></s>", " q</s>"}}));
  EXPECT_EQ(loaded.report.skippedBytes, 4u);
  EXPECT_EQ(loaded.report.cut, 1u);
  EXPECT_EQ(loaded.report.longest, 9u);
  EXPECT_EQ(loaded.report.shorter, 2u);
  EXPECT_EQ(loaded.report.shortest, 3u);
  EXPECT_THAT(loaded.report.text(),
              HasSubstr("1 samples are longer than max_seq_length and were cut"));

  data.config.addEos = false;
  data.config.includeSampleStart = true;
  EXPECT_EQ(data.rows(data.loaded().train)[0].second, " #xy");
  data.config.longSamples = "error";
  EXPECT_THAT(data.error(), HasSubstr("t.txt:1: the sample has 9 tokens, max_seq_length is 5"));
  data.config.sampleStart = "@";
  EXPECT_THAT(data.error(), HasSubstr("sample_start '@' is not in the file"));
}

TEST(Data, OverlappingSamplesGoOn) {
  Data data(6);
  data.config.sampleStart = "#";
  data.config.overlapping = true;
  data.write("t.txt", "#xy#zu#v");
  const TrainingData loaded = data.loaded();
  EXPECT_EQ(data.rows(loaded.train), (Rows{{"<s>xy #zu", "xy #zu"},
                                           {"<s>zu #v</s>", "zu #v"},
                                           {"<s>v</s></s></s></s></s>", "v"}}));
}

TEST(Data, ShortSamplesAreFilledWithTheNext) {
  Data data(8);
  data.config.sampleStart = "#";
  data.config.fillWithNext = true;
  data.config.addEos = false;
  data.config.separateWithEos = true;
  data.config.batchSize = 1;
  data.write("t.txt", "#x#y#z#u");
  const TrainingData loaded = data.loaded();
  // The last one does not fit; a source that is not endless goes on with what is left.
  EXPECT_EQ(data.rows(loaded.train)[0],
            (std::pair<std::string, std::string>("<s> x</s><s> y</s><s>", " x</s> y</s>")));
  data.config.separateWithBos = data.config.separateWithEos = false;
  EXPECT_EQ(data.rows(data.loaded().train)[0].first, "<s> x y z u");
}

TEST(Data, JsonlKinds) {
  Data data(400);
  data.write("t.jsonl", R"({"text": "xy", "more": [1]}
{"prompt": "xy ", "completion": "zu"}

{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}, {"role": "assistant", "content": "r"}]}
{"conversations": [{"from": "human", "value": "u"}, {"from": "gpt", "value": "r"}, {"from": "human", "value": "v"}, {"from": "gpt", "value": "q"}]}
{"instruction": "i", "input": "n", "output": "o"}
)");
  const std::string chatml(chat::findBuiltinTemplate("chatml")->source);
  const TrainingData loaded = data.loaded(chatml);
  const Rows rows = data.rows(loaded.train);
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0].second, " xy</s>");
  EXPECT_THAT(rows[1].first, HasSubstr("<s> xy zu</s>"));
  EXPECT_EQ(rows[1].second, "zu</s>");
  EXPECT_THAT(rows[2].first,
              HasSubstr("<s> <|im_start|>system\ns<|im_end|>\n<|im_start|>user\nu<|im_end|>\n"
                        "<|im_start|>assistant\nr<|im_end|>\n"));
  EXPECT_EQ(rows[2].second, "r<|im_end|>");
  EXPECT_EQ(rows[3].second, "r<|im_end|>q<|im_end|>");
  EXPECT_THAT(rows[4].first, HasSubstr("user\ni\nn<|im_end|>"));
  EXPECT_EQ(rows[4].second, "o<|im_end|>");

  data.config.maskPrompt = false;
  EXPECT_THAT(data.rows(data.loaded(chatml).train)[1].second, HasSubstr(" xy zu</s>"));

  data.config.maskPrompt = true;
  const Rows alpaca = data.rows(data.loaded("").train);
  ASSERT_EQ(alpaca.size(), 5u);
  EXPECT_THAT(alpaca[4].first,
              HasSubstr("### Instruction:\ni\n\n### Input:\nn\n\n### Response:\no</s>"));
  EXPECT_THAT(alpaca[4].first, HasSubstr("paired with an input"));
  EXPECT_EQ(alpaca[4].second, "o</s>");
  data.config.chatTemplate = "llama2";
  EXPECT_THAT(data.rows(data.loaded().train)[2].first,
              HasSubstr("<s> [INST] <<SYS>>\ns\n<</SYS>>\n\nu [/INST] r </s>"));
}

TEST(Data, ConversationsByAnyTemplate) {
  Data data(400);
  data.write(
      "t.jsonl",
      R"({"messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": " r "}, {"role": "user", "content": "v"}, {"role": "assistant", "content": "q"}]})");
  const auto row = [&](const std::string &source) {
    const Rows rows = data.rows(data.loaded(source).train);
    return rows.empty() ? std::pair<std::string, std::string>() : rows[0];
  };
  // A system message of the template's own, stripped answers, and BOS that the tokenizer adds, too.
  const std::string plain =
      "{{ bos_token }}[be brief]\n{% for m in messages %}{{ m.role[0] }}={{ m.content | trim }};\n"
      "{% endfor %}{% if add_generation_prompt %}a={% endif %}";
  EXPECT_THAT(row(plain).first, HasSubstr("<s> [be brief]\nu=u;\na=r;\nu=v;\na=q;\n"));
  EXPECT_EQ(row(plain).second, "r;q;");
  // Thoughts, here empty, only stand before the last answer. Where the answer is asked for, it
  // learns to begin with them.
  const std::string thinks =
      "{% for m in messages %}{{ m.role[0] }}={{ '<t></t>' if loop.last and m.role == 'assistant' "
      "}}"
      "{{ m.content }}{{ eos_token }}\n{% endfor %}{% if add_generation_prompt %}a={% endif %}";
  EXPECT_THAT(row(thinks).first, HasSubstr("u=u</s> \na= r </s> \nu=v</s> \na=<t></t>q</s>"));
  EXPECT_EQ(row(thinks).second, " r </s><t></t>q</s>");
  // Parts of the conversation cannot be rendered.
  const std::string whole = "{% if messages | length != 4 %}{{ raise_exception('no') }}{% endif %}"
                            "{% for m in messages %}({{ m.content }}){{ eos_token }}{% endfor %}";
  EXPECT_EQ(row(whole).second, " r q)</s>");
  data.config.maskPrompt = false;
  EXPECT_THAT(row(whole).second, HasSubstr("(u)</s> ( r )</s> (v)</s> (q)</s>"));

  data.config.maskPrompt = true;
  EXPECT_THAT(messageOf(data.load("{{ strange }}")),
              HasSubstr("t.jsonl:1: chat_template: the template changes what the assistant says, "
                        "'r'; choose one"));
  EXPECT_THAT(messageOf(data.load("{{ raise_exception('no') }}")),
              HasSubstr("t.jsonl:1: chat_template: the model: tokenizer.chat_template:1: no"));
  EXPECT_THAT(messageOf(data.load("\n{% if")), HasSubstr("tokenizer.chat_template:2: a tag has"));
  data.folder.write("mine.jinja", {plain.begin(), plain.end()});
  data.config.chatTemplate = data.folder.path("mine.jinja");
  EXPECT_EQ(row("{{ strange }}").second, "r;q;");
  data.config.chatTemplate = "chatlm";
  EXPECT_THAT(messageOf(data.load()), AllOf(HasSubstr("chatlm"), HasSubstr("chatml, llama3")));
}

TEST(Data, AnswersBeginWithATokenOfTheirOwn) {
  Data data(8);
  data.write("t.jsonl", R"({"prompt": "xa", "completion": "b"}
{"prompt": "x ", "completion": "ab"}
)");
  // Alone, "ab" and " a" are tokens.
  const TrainingData loaded = data.loaded();
  const Rows rows = data.rows(loaded.train);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[0].first, HasSubstr("<s> xab</s>"));
  EXPECT_EQ(rows[0].second, "b</s>");
  EXPECT_THAT(rows[1].first, HasSubstr("<s> x ab</s>"));
  EXPECT_EQ(rows[1].second, "ab</s>");
}

TEST(Data, AnswersMayHaveAWeight) {
  Data data(100);
  data.write(
      "t.jsonl",
      R"({"messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "r", "weight": 0}, {"role": "user", "content": "v"}, {"role": "assistant", "content": "q", "weight": 1}]})");
  EXPECT_EQ(data.rows(data.loaded().train)[0].second, "q</s>");
  data.write("t.jsonl", R"({"messages": [{"role": "assistant", "content": "r", "weight": 0.5}]})");
  EXPECT_THAT(data.error(), HasSubstr("t.jsonl:1: the weight of a message is neither 0"));
}

// Answers are learned up to the mark that ends them, which need not be a token of the vocabulary,
// and nothing of the questions is.
TEST(Data, ConversationsByTemplatesOfModels) {
  Data data(900);
  data.write(
      "t.jsonl",
      R"({"messages": [{"role": "user", "content": "uuu"}, {"role": "assistant", "content": "rrr"}, {"role": "user", "content": "vvv"}, {"role": "assistant", "content": "qqq"}]})");
  const std::pair<const char *, const char *> expected[] = {
      {"channels", "rrrqqq<|end|>"}, // its first answer ends unlike its last
      {"chatml", "rrr<|im_end|>qqq<|im_end|>"},
      {"command_r", "<|response|>rrr<|/response|><|end_turn|><|response|>qqq<|/response|>"
                    "<|end_turn|>"},
      {"deepseek", "rrr<｜end｜>qqq<｜end｜>"},
      {"gemma", "rrr<end_of_turn>qqq<end_of_turn>"},
      {"hermes_tools", "rrr<|im_end|>qqq<|im_end|>"},
      {"llama3_tools", "rrr<|eot|>qqq<|eot|>"},
      {"mistral", " rrr</s> qqq</s>"},
      {"phi3", "rrr<|end|>qqq<|end|>\n</s>"},
      {"qwen3_thinking", "rrr<think>\n\n</think>\n\nqqq<|im_end|>"},
  };
  for (const auto &[name, learned] : expected) {
    SCOPED_TRACE(name);
    data.config.chatTemplate = absl::StrCat(LLMC_TESTS "/unit/chat/templates/", name, ".jinja");
    const Rows rows = data.rows(data.loaded().train);
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].second, learned);
  }
  // This one writes the system's text before a question that is the last message, so that what is
  // asked is another text than the conversation's; and the questions have the answers' words.
  data.write(
      "t.jsonl",
      R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "x or y"}, {"role": "assistant", "content": "y"}, {"role": "user", "content": "y or z"}, {"role": "assistant", "content": "z"}]})");
  data.config.chatTemplate = LLMC_TESTS "/unit/chat/templates/mistral.jinja";
  const auto [text, learned] = data.rows(data.loaded().train)[0];
  EXPECT_THAT(text, HasSubstr("[INST]x or y[/INST] y</s>"));
  EXPECT_EQ(learned, "y</s>z</s>");
}

TEST(Data, PromptsLongerThanARowLeaveNothingToLearn) {
  Data data(4);
  data.write("t.jsonl", "{\"prompt\": \"xyzuvw\", \"completion\": \"q\"}\n"
                        "{\"prompt\": \"x\", \"completion\": \"q\"}\n");
  const TrainingData loaded = data.loaded();
  EXPECT_EQ(loaded.report.dropped, 1u);
  EXPECT_EQ(loaded.report.samples, 1u);
  EXPECT_EQ(loaded.report.learnedTokens, 2u);
  data.write("t.jsonl", "{\"prompt\": \"xyzuvw\", \"completion\": \"q\"}\n");
  EXPECT_THAT(data.error(), HasSubstr("no sample has anything to learn"));
}

TEST(Data, ErrorsNameTheLine) {
  Data data;
  const auto error = [&](const std::string &name, const std::string &text) {
    data.write(name, text);
    return data.error();
  };
  EXPECT_THAT(error("t.txt", ""), HasSubstr("t.txt: there is nothing in the file"));
  EXPECT_THAT(error("t.txt", " \n "), HasSubstr("nothing in the file"));
  EXPECT_THAT(error("t.txt", "a\nb\xff"), HasSubstr("t.txt:2: not UTF-8 at byte 3"));
  EXPECT_THAT(error("t.jsonl", "\n{\"text\": 1}"), HasSubstr("t.jsonl:2: 'text' is not a text"));
  EXPECT_THAT(error("t.jsonl", "{\"text\": \"a\""), HasSubstr("t.jsonl:1: not JSON"));
  EXPECT_THAT(error("t.jsonl", "[{}]"), HasSubstr("jq -c"));
  EXPECT_THAT(error("t.jsonl", "{\"a\": 1}"), HasSubstr("none of text"));
  EXPECT_THAT(error("t.jsonl", "{\"text\": \"\\ud800\"}"), HasSubstr("not JSON"));
  EXPECT_THAT(error("t.jsonl", std::string(100000, '[')), HasSubstr("deeper"));
  EXPECT_THAT(error("t.jsonl", "{\"messages\": [{\"role\": \"tool\", \"content\": \"x\"}]}"),
              HasSubstr("the role 'tool' is not known"));
  EXPECT_THAT(error("t.jsonl", "{\"messages\": {}}"), HasSubstr("not a list"));
  EXPECT_THAT(error("t.jsonl", "{\"messages\": [1]}"), HasSubstr("not an object"));
  data.config.data = data.folder.path("missing");
  EXPECT_THAT(data.error(), HasSubstr("missing"));
  data.config.data = data.folder.path(".");
  EXPECT_THAT(data.error(), HasSubstr("no train.jsonl or train.txt"));
}

TEST(Data, DirectoriesHaveTheirOwnValidation) {
  Data data;
  data.config.valSize = 0.5;
  data.write("train.jsonl", "{\"text\": \"x\"}\n{\"text\": \"y\"}\n");
  data.write("valid.jsonl", "{\"text\": \"z\"}\n");
  data.config.data = data.folder.path(".");
  const TrainingData loaded = data.loaded();
  EXPECT_EQ(loaded.report.samples, 2u);
  EXPECT_EQ(loaded.report.validationSamples, 1u);
}

TEST(Data, ValidationSamplesAreChosenBySeed) {
  Data data;
  std::string text;
  for (char c = 'a'; c <= 'z'; ++c)
    text += std::string("{\"text\": \"") + c + "\"}\n";
  data.write("t.jsonl", text);
  data.config.valSize = 0.25;
  std::map<int64_t, std::set<std::string>> held;
  for (int64_t seed : {1, 1, 2}) {
    data.config.seed = seed;
    const TrainingData loaded = data.loaded();
    std::set<std::string> all;
    for (const Dataset *set : {&loaded.train, &loaded.validation})
      for (const auto &[row, learned] : data.rows(*set))
        EXPECT_TRUE(all.insert(learned).second);
    EXPECT_EQ(all.size(), 26u);
    std::set<std::string> now;
    for (const auto &[row, learned] : data.rows(loaded.validation))
      now.insert(learned);
    EXPECT_EQ(now.size(), 7u);
    EXPECT_TRUE(held.emplace(seed, now).first->second == now);
  }
  EXPECT_NE(held[1], held[2]);
}

struct Shuffled : Data {
  TrainingData loadedData;
  Shuffled() : Data(3) {
    config.batchSize = 4;
    write("t.txt", "abcdefghijklmnopqrstuvwxyz");
    loadedData = loaded();
  }
  BatchSource source() const { return BatchSource(loadedData.train, config, *tokenizer); }
};

TEST(Batches, EachEpochHasEachSampleOnceInANewOrder) {
  Shuffled data;
  BatchSource source = data.source();
  const uint64_t size = source.samplesPerEpoch();
  ASSERT_EQ(size, 23u);
  std::vector<std::string> seen;
  for (Batch batch; seen.size() < 3 * size;) {
    ASSERT_TRUE(source.next(batch));
    for (uint64_t row = 0; row < batch.rows; ++row)
      seen.push_back(data.row(batch, row).first);
  }
  std::vector<std::vector<std::string>> epochs;
  for (int e = 0; e < 3; ++e) {
    epochs.emplace_back(seen.begin() + e * size, seen.begin() + (e + 1) * size);
    EXPECT_EQ(std::set<std::string>(epochs[e].begin(), epochs[e].end()).size(), size);
  }
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_NE(epochs[1], epochs[2]);
}

TEST(Batches, ARestoredStateContinuesExactly) {
  Shuffled data;
  BatchSource source = data.source();
  Batch batch;
  std::vector<std::string> states;
  std::vector<std::vector<int32_t>> tokens;
  for (int i = 0; i < 20; ++i) {
    states.push_back(source.state());
    source.next(batch);
    tokens.push_back(batch.tokens);
  }
  for (int from : {0, 3, 7, 19}) {
    BatchSource again = data.source();
    ASSERT_TRUE(again.restore(states[from]).ok());
    for (int i = from; i < 20; ++i) {
      again.next(batch);
      EXPECT_EQ(batch.tokens, tokens[i]) << from << " " << i;
    }
    EXPECT_EQ(again.state(), source.state());
  }
  for (const char *bad : {"", "23 0", "23 0 23", "23 0 x", "22 0 1", "23 0 1 2"})
    EXPECT_FALSE(source.restore(bad).ok()) << bad;
}

TEST(Batches, InputsAndTargetsAreShifted) {
  Data data(3);
  data.write("t.jsonl", "{\"prompt\": \"x\", \"completion\": \"y\"}");
  const TrainingData loaded = data.loaded();
  BatchSource source(loaded.train, data.config, *data.tokenizer, false);
  Batch batch;
  ASSERT_TRUE(source.next(batch));
  const auto id = [&](const char *text) { return *data.tokenizer->findToken(text); };
  // <s> ▁ x y: the end of the text no longer fits. The second row is padding.
  EXPECT_THAT(batch.inputs(), ElementsAre(1, id("\xE2\x96\x81"), id("x"), 2, 2, 2));
  EXPECT_THAT(batch.targets(), ElementsAre(-1, -1, id("y"), -1, -1, -1));
  EXPECT_EQ(batch.learned, 1u);
  EXPECT_THAT(batch.samples, ElementsAre(0));
  EXPECT_FALSE(source.next(batch));
}

} // namespace
} // namespace llmc::lora::testing
