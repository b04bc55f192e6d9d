#include "frontends/tokenizer/PreTokenizerTable.h"
#include "absl/strings/str_join.h"
#include <array>

// The expressions are those of llama.cpp, so that the same file gives the same tokens, with three
// kinds of rewriting that change no match but keep the time linear and the stack small:
//  - a class such as "letter but not a-z" is one negated class, not a group with a look-ahead;
//  - "\s+$" may only start where a run of white space starts;
//  - a repeated group behind which nothing follows is possessive.
// \p{Lu}, \p{Ll}, ... mean any letter in llama.cpp, hence \p{L} here. White space beyond ASCII
// matches no literal there, hence the gaps in ranges across U+2003, U+3000, ...

namespace llmc::tokenizer {
namespace {

using Pass = PreTokenizerPass;
using Kind = PreTokenizerPass::Kind;

#define CONTRACTION "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
#define WORD R"([^\r\n\p{L}\p{N}]?\p{L}+)"
#define SYMBOLS R"( ?[^\s\p{L}\p{N}]+[\r\n]*)"
#define SYMBOLS_SLASH R"( ?[^\s\p{L}\p{N}]+[\r\n/]*)"
#define SPACES R"(\s*[\r\n]+|\s+(?!\S)|\s+)"
// "ABCdef", or "ABC" where no small letter follows; letters beyond ASCII count as both.
#define CASED R"([^\r\n\p{L}\p{N}]?[^\P{L}a-z]*[^\P{L}A-Z]+)"
#define UPPER R"([^\r\n\p{L}\p{N}]?[^\P{L}a-z]+[^\P{L}A-Z]*)"
#define MARKED R"([^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+)"
#define ASCII_SYMBOL_WORD R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+)"
// The cased letters of an older Unicode.
#define CASED_BEYOND_ASCII                                                                         \
  R"(\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293})"                \
  R"(\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386})"                   \
  R"(\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F})"          \
  R"(\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA})"         \
  R"(\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A})"                        \
  R"(\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D})"                        \
  R"(\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4})"                 \
  R"(\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3})"                \
  R"(\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107})"        \
  R"(\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128}\x{212A}-\x{212D})"         \
  R"(\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184})"         \
  R"(\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D})"        \
  R"(\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E})"                        \
  R"(\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A})"                        \
  R"(\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB})"                  \
  R"(\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}\x{1E900}-\x{1E943})"
#define CJK_KANA R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)"
#define CJK_HANGUL                                                                                 \
  R"([\x{0800}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E})"      \
  R"(\x{2060}-\x{2FFF}\x{3001}-\x{9FA5}\x{AC00}-\x{D7FF}]+)"
#define HAN                                                                                        \
  R"(\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}\x{2B740}-\x{2B81F})" \
  R"(\x{2B820}-\x{2CEAF}\x{2CEB0}-\x{2EBEF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F})"

constexpr absl::string_view gpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";
constexpr absl::string_view llama3Pattern =
    CONTRACTION "|" WORD R"(|\p{N}{1,3}|)" SYMBOLS "|" SPACES;
constexpr absl::string_view qwen2Pattern = CONTRACTION "|" WORD R"(|\p{N}|)" SYMBOLS "|" SPACES;
constexpr absl::string_view linesPattern = R"([^\n]+|[\n]+)";
constexpr absl::string_view bloomPattern = R"( ?[^(\s|.,!?…。，、।۔،)]+)";

constexpr Pass defaultPasses[] = {{.pattern = R"([\p{P}\$\+<=>\^~\|]+)"},
                                  {.pattern = gpt2Pattern},
                                  {.pattern = R"(\p{N}+)"},
                                  {.pattern = "[0-9][0-9][0-9]"}};
constexpr Pass gpt2Passes[] = {{.pattern = gpt2Pattern}};
constexpr Pass llama3Passes[] = {{.pattern = llama3Pattern}};
constexpr Pass qwen2Passes[] = {{.pattern = qwen2Pattern}};
constexpr Pass qwen35Passes[] = {
    {.pattern = CONTRACTION "|" MARKED R"(|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)" SPACES}};
constexpr Pass starcoderPasses[] = {{.pattern = R"(\p{N})"}, {.pattern = gpt2Pattern}};
constexpr Pass falconPasses[] = {{.pattern = R"([\p{P}\$\+<=>\^~\|`]+)"},
                                 {.pattern = gpt2Pattern},
                                 {.pattern = "[0-9][0-9][0-9]"}};
constexpr Pass deepseekLlmPasses[] = {
    {.pattern = R"([\r\n])"},
    {.pattern = R"(\s?[A-Za-z)" CASED_BEYOND_ASCII R"(]+)"},
    {.pattern =
         R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3001}-\x{3002}]+)"},
    {.pattern = R"((?<!\s)\s++$)"},
    {.pattern = CJK_HANGUL},
    {.pattern = R"(\p{N}+)"}};
constexpr Pass deepseekCoderPasses[] = {{.pattern = R"([\r\n])"},
                                        {.pattern = R"(\s?\p{L}+)"},
                                        {.pattern = R"(\s?\p{P}+)"},
                                        {.pattern = CJK_HANGUL},
                                        {.pattern = R"(\p{N})"}};
constexpr Pass deepseek3Passes[] = {
    {.pattern = R"(\p{N}{1,3})"},
    {.pattern = CJK_KANA},
    {.pattern = ASCII_SYMBOL_WORD
     R"(|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)" SPACES}};
constexpr Pass spark25Passes[] = {
    {.pattern = R"(\p{N}{1,3})"},
    {.pattern = CJK_KANA},
    {.pattern = ASCII_SYMBOL_WORD
     R"(|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)"},
    {.pattern = R"(\p{N})"}};
constexpr Pass youtuPasses[] = {
    {.pattern =
         R"([\x{AC00}-\x{D7A3}\x{3131}-\x{318E}]+|)"
         R"([\x{FF01}\x{2026}\x{201C}\x{201D}\x{2018}\x{2019}\x{2014}\x{FF1A}\x{FF1B}\x{FF0C})"
         R"(\x{3001}-\x{303F}\x{FE30}-\x{FE4F}]+|[\x{3105}-\x{312F}]+|)" CJK_KANA},
    {.pattern = MARKED CONTRACTION R"(?|\p{N}|)" SYMBOLS_SLASH "|" SPACES}};
constexpr Pass bloomPasses[] = {{.pattern = bloomPattern}};
constexpr Pass vikingPasses[] = {{.pattern = bloomPattern}, {.pattern = R"(\p{N})"}};
constexpr Pass tekkenPasses[] = {
    {.pattern = CASED "|" UPPER R"(|\p{N}|)" SYMBOLS_SLASH "|" SPACES}};
constexpr Pass gpt4oPasses[] = {{.pattern = CASED CONTRACTION "?|" UPPER CONTRACTION
                                                              R"(?|\p{N}{1,3}|)" SYMBOLS_SLASH
                                                              "|" SPACES}};
constexpr Pass graniteMultiPasses[] = {
    {.pattern =
         R"([^\r\n\p{L}\p{N}]?(?:(?![a-z])[\p{L}\p{M}])*(?:(?![A-Z])[\p{L}\p{M}])+)" CONTRACTION
         R"(?|[^\r\n\p{L}\p{N}]?(?:(?![a-z])[\p{L}\p{M}])+(?:(?![A-Z])[\p{L}\p{M}])*)" CONTRACTION
         R"(?|\p{N}{1,3}|)" SYMBOLS_SLASH "|" SPACES}};
constexpr Pass tinyAyaPasses[] = {
    {.kind = Kind::TriplesCutAll},
    {.pattern = MARKED CONTRACTION R"(?|\p{N}{1,3}|)" SYMBOLS_SLASH "|" SPACES}};
// Between two of its own matches a run of white space cannot hold a line end any more, so the
// search for one need not look at the rest of the run again.
constexpr Pass jais2Passes[] = {{.pattern = CONTRACTION
                                 "|" WORD R"(|\p{N}{1,3}|)" SYMBOLS
                                 R"(|(?<![\t\x0B\f\x{85}\p{Z}])\s*[\r\n]+)"
                                 R"(|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S))"
                                 R"(|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S))"
                                 R"(|\s{1,2}(?!\S)|\s)"}};
constexpr Pass chameleonPasses[] = {
    {.pattern = "<sentinel:[0-9]+>"},       {.pattern = "IMGIMG[A-I]{1,4}Z"},
    {.pattern = R"([\t\n]|    |  )"},       {.pattern = R"(\p{N})"},
    {.pattern = R"([\p{P}!-/:-@\[-`{-~])"}, {.pattern = gpt2Pattern}};
constexpr Pass kimiK2Passes[] = {{.pattern =
                                      "[" HAN R"(]+|[^\r\n\p{L}\p{N}]?[^\P{L})" HAN "]+" CONTRACTION
                                      R"(?|\p{N}{1,3}|)" SYMBOLS "|" SPACES}};
constexpr Pass superbpePasses[] = {{.pattern = R"(\p{N}+)"}, {.kind = Kind::TriplesCutWhole}};
constexpr Pass bailingPasses[] = {{.pattern = R"('(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|)" WORD
                                              R"(|\p{N}|)" SYMBOLS R"(|\s*[\r\n]|\s+(?!\S)|\s+)"}};
constexpr Pass seedCoderPasses[] = {
    {.pattern = CONTRACTION "|" WORD R"(|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|)" SPACES}};
constexpr Pass ufakzekaPasses[] = {{.pattern = WORD R"(|\p{N}|)" SYMBOLS "|" SPACES}};
constexpr Pass afmoePasses[] = {
    {.kind = Kind::TriplesCutAll},
    {.pattern = R"([\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{F900}-\x{FAFF}\x{3040}-\x{309F})"
                R"(\x{30A0}-\x{30FF}\x{FF65}-\x{FF9F}\x{2F00}-\x{2FDF}\x{0E40}-\x{0E7F})"
                R"(\x{0E80}-\x{0EFF}\x{1780}-\x{17FF}\x{1000}-\x{109F}\x{AA60}-\x{AA7F})"
                R"(\x{A9E0}-\x{A9FF}\x{AC00}-\x{D7AF}\x{1100}-\x{11FF}]+)"},
    {.pattern = ASCII_SYMBOL_WORD
     R"(|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)" SPACES}};
constexpr Pass lagunaPasses[] = {{.pattern = linesPattern}, {.pattern = qwen2Pattern}};
constexpr Pass exaoneMoePasses[] = {
    {.pattern = CONTRACTION R"(|[^\r\n\p{L}\p{N}]?\p{L}[\p{L}\p{M}]*+(?: \p{L}[\p{L}\p{M}]*+)*+)"
                            R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)"}};
constexpr Pass minicpm5Passes[] = {
    {.pattern = R"(\p{N}{1,3})"},
    {.pattern = CONTRACTION "|" WORD R"(|\p{N}+|)" SYMBOLS "|" SPACES}};
constexpr Pass linesPasses[] = {{.pattern = linesPattern}};
constexpr Pass whitespacePasses[] = {{.pattern = R"(\S+)"}};

constexpr PreTokenizerSpec table[] = {
    {.name = "default", .passes = defaultPasses},
    {.name = "llama-bpe", .passes = llama3Passes, .ignoreMerges = true, .addBos = true},
    {.name = "llama3", .passes = llama3Passes, .ignoreMerges = true, .addBos = true},
    {.name = "llama-v3", .passes = llama3Passes, .ignoreMerges = true, .addBos = true},
    {.name = "falcon3", .passes = llama3Passes, .ignoreMerges = true, .addBos = true},
    {.name = "falcon-h1", .passes = llama3Passes, .ignoreMerges = true, .addBos = true},
    {.name = "pixtral", .passes = llama3Passes, .ignoreMerges = true, .addBos = true},
    {.name = "midm-2.0", .passes = llama3Passes, .ignoreMerges = true, .addBos = true},
    {.name = "lfm2", .passes = llama3Passes, .ignoreMerges = true, .addBos = true},
    {.name = "jina-v5-nano", .passes = llama3Passes, .ignoreMerges = true, .addBos = true},
    {.name = "dbrx", .passes = llama3Passes},
    {.name = "smaug-bpe", .passes = llama3Passes},
    {.name = "glm4", .passes = llama3Passes, .noDefaultBos = true},
    {.name = "chatglm-bpe", .passes = llama3Passes, .noDefaultBos = true},
    {.name = "jais-2", .passes = jais2Passes},
    {.name = "minicpm5", .passes = minicpm5Passes, .ignoreMerges = true},
    {.name = "deepseek-llm", .passes = deepseekLlmPasses},
    {.name = "deepseek-coder", .passes = deepseekCoderPasses},
    {.name = "deepseek-v3", .passes = deepseek3Passes},
    {.name = "hunyuan-dense", .passes = deepseek3Passes},
    {.name = "joyai-llm", .passes = deepseek3Passes},
    {.name = "hy_v4", .passes = deepseek3Passes},
    {.name = "spark2_5", .passes = spark25Passes},
    {.name = "youtu", .passes = youtuPasses, .ignoreMerges = true},
    {.name = "falcon", .passes = falconPasses},
    {.name = "starcoder", .passes = starcoderPasses},
    {.name = "refact", .passes = starcoderPasses},
    {.name = "command-r", .passes = starcoderPasses},
    {.name = "smollm", .passes = starcoderPasses},
    {.name = "codeshell", .passes = starcoderPasses},
    {.name = "exaone", .passes = starcoderPasses},
    {.name = "minerva-7b", .passes = starcoderPasses},
    {.name = "mellum2", .passes = starcoderPasses},
    {.name = "gpt-2", .passes = gpt2Passes},
    {.name = "mpt", .passes = gpt2Passes},
    {.name = "olmo", .passes = gpt2Passes},
    {.name = "jais", .passes = gpt2Passes},
    {.name = "trillion", .passes = gpt2Passes},
    {.name = "granite-docling", .passes = gpt2Passes},
    {.name = "phi-2", .passes = gpt2Passes},
    {.name = "jina-es", .passes = gpt2Passes},
    {.name = "jina-de", .passes = gpt2Passes},
    {.name = "jina-v1-en", .passes = gpt2Passes},
    {.name = "jina-v2-es", .passes = gpt2Passes},
    {.name = "jina-v2-de", .passes = gpt2Passes},
    {.name = "jina-v2-code", .passes = gpt2Passes},
    {.name = "roberta-bpe", .passes = gpt2Passes},
    {.name = "gigachat", .passes = gpt2Passes},
    {.name = "a.x-4.0", .passes = gpt2Passes},
    {.name = "mellum", .passes = gpt2Passes},
    {.name = "modern-bert", .passes = gpt2Passes},
    {.name = "exaone4", .passes = gpt2Passes},
    {.name = "qwen2", .passes = qwen2Passes},
    {.name = "deepseek-r1-qwen", .passes = qwen2Passes},
    {.name = "kormo", .passes = qwen2Passes},
    {.name = "f2llmv2", .passes = qwen2Passes},
    {.name = "megrez", .passes = qwen2Passes},
    {.name = "stablelm2", .passes = qwen2Passes},
    {.name = "hunyuan", .passes = qwen2Passes},
    {.name = "solar-open", .passes = qwen2Passes},
    {.name = "grok-2", .passes = qwen2Passes},
    {.name = "qwen35", .passes = qwen35Passes},
    {.name = "poro-chat", .passes = bloomPasses},
    {.name = "bloom", .passes = bloomPasses},
    {.name = "gpt3-finnish", .passes = bloomPasses},
    {.name = "viking", .passes = vikingPasses},
    {.name = "tekken", .passes = tekkenPasses, .ignoreMerges = true, .addBos = true},
    {.name = "chameleon", .passes = chameleonPasses, .addBos = true},
    {.name = "gpt-4o", .passes = gpt4oPasses},
    {.name = "llama4", .passes = gpt4oPasses},
    {.name = "kanana2", .passes = gpt4oPasses},
    {.name = "talkie", .passes = gpt4oPasses},
    {.name = "minimax-m2", .passes = gpt4oPasses},
    {.name = "granite-embed-multi-97m", .passes = graniteMultiPasses, .ignoreMerges = true},
    {.name = "tiny_aya", .passes = tinyAyaPasses},
    {.name = "cohere2moe", .passes = tinyAyaPasses},
    {.name = "kimi-k2", .passes = kimiK2Passes},
    {.name = "superbpe", .passes = superbpePasses},
    {.name = "bailingmoe", .passes = bailingPasses},
    {.name = "bailingmoe2", .passes = bailingPasses},
    {.name = "llada-moe", .passes = bailingPasses},
    {.name = "seed-coder", .passes = seedCoderPasses},
    {.name = "ufakzeka", .passes = ufakzekaPasses},
    {.name = "afmoe", .passes = afmoePasses},
    {.name = "laguna", .passes = lagunaPasses},
    {.name = "exaone-moe", .passes = exaoneMoePasses},
    {.name = "gemma4",
     .passes = linesPasses,
     .addBos = true,
     .escapeSpaces = true,
     .byteLevel = false,
     .wholeNewlineRuns = true},
    {.name = "granite-embed-multi-311m",
     .passes = linesPasses,
     .addBos = true,
     .escapeSpaces = true,
     .byteLevel = false,
     .wholeNewlineRuns = true},
    {.name = "sarvam-moe", .passes = linesPasses, .escapeSpaces = true, .byteLevel = false},
    {.name = "whitespace", .passes = whitespacePasses, .byteLevel = false},
};

} // namespace

const PreTokenizerSpec *findPreTokenizer(absl::string_view name) {
  if (name.empty())
    name = "default";
  for (const PreTokenizerSpec &spec : table)
    if (spec.name == name)
      return &spec;
  return nullptr;
}

std::string preTokenizerNames() {
  return absl::StrJoin(table, ", ", [](std::string *out, const PreTokenizerSpec &spec) {
    out->append(spec.name.data(), spec.name.size());
  });
}

} // namespace llmc::tokenizer
