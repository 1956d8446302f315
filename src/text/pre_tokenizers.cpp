#include "text/pre_tokenizers.h"

namespace trivet {
namespace {

#define TRIVET_CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
// The end that most patterns share: punctuation with line ends, line ends, white space.
#define TRIVET_SPACES R"(\s*[\r\n]+|\s+(?!\S)|\s+)"
#define TRIVET_UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define TRIVET_LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define TRIVET_PUNCTUATED R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|)"

#define TRIVET_GPT2 R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"
#define TRIVET_WORDS(digits)                                 \
  TRIVET_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|)" digits \
                      R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|)" TRIVET_SPACES
#define TRIVET_CASED_WORDS(suffix, digits)                                     \
  R"([^\r\n\p{L}\p{N}]?)" TRIVET_UPPER "*" TRIVET_LOWER "+" suffix             \
  R"(|[^\r\n\p{L}\p{N}]?)" TRIVET_UPPER "+" TRIVET_LOWER "*" suffix "|" digits \
  R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" TRIVET_SPACES

constexpr const char* kGpt2[] = {TRIVET_GPT2};
constexpr const char* kSingleDigits[] = {R"(\p{N})", TRIVET_GPT2};
constexpr const char* kLlama3[] = {TRIVET_WORDS(R"(\p{N}{1,3})")};
constexpr const char* kQwen2[] = {TRIVET_WORDS(R"(\p{N})")};
constexpr const char* kQwen35[] = {
    TRIVET_CONTRACTIONS
    R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)" TRIVET_SPACES};
constexpr const char* kTekken[] = {TRIVET_CASED_WORDS("", R"(\p{N})")};
constexpr const char* kGpt4o[] = {TRIVET_CASED_WORDS(TRIVET_CONTRACTIONS "?", R"(\p{N}{1,3})")};
constexpr const char* kFalcon[] = {R"([\p{P}\$\+<=>\^~\|`]+)", TRIVET_GPT2, "[0-9][0-9][0-9]"};
constexpr const char* kDefault[] = {R"([\p{P}\$\+<=>\^~\|]+)", TRIVET_GPT2, R"(\p{N}+)",
                                    "[0-9][0-9][0-9]"};
constexpr const char* kDeepseekCoder[] = {
    "[\r\n]", R"(\s?\p{L}+)", R"(\s?\p{P}+)",
    R"([\x{4e00}-\x{9fa5}\x{800}-\x{4e00}\x{ac00}-\x{d7ff}]+)", R"(\p{N})"};
// The third pattern is the set of cased letters as of the model's Unicode version. The white space
// at the end of a piece is looked for only where white space starts: otherwise a long run takes
// quadratic time.
constexpr const char* kDeepseekLlm[] = {
    "[\r\n]",
    R"(\s?[)"
    R"(A-Za-z\x{b5}\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{1ba}\x{1bc}-\x{1bf}\x{1c4}-\x{293})"
    R"(\x{295}-\x{2af}\x{370}-\x{373}\x{376}\x{377}\x{37b}-\x{37d}\x{37f}\x{386})"
    R"(\x{388}-\x{38a}\x{38c}\x{38e}-\x{3a1}\x{3a3}-\x{3f5}\x{3f7}-\x{481}\x{48a}-\x{52f})"
    R"(\x{531}-\x{556}\x{10a0}-\x{10c5}\x{13a0}-\x{13f5}\x{13f8}-\x{13fd}\x{1c90}-\x{1cba})"
    R"(\x{1cbd}-\x{1cbf}\x{1d00}-\x{1d2b}\x{1d6b}-\x{1d77}\x{1d79}-\x{1d9a})"
    R"(\x{1e00}-\x{1f15}\x{1f18}-\x{1f1d}\x{1f20}-\x{1f45}\x{1f48}-\x{1f4d})"
    R"(\x{1f50}-\x{1f57}\x{1f59}\x{1f5b}\x{1f5d}\x{1f5f}-\x{1f7d}\x{1f80}-\x{1fb4})"
    R"(\x{1fb6}-\x{1fbc}\x{1fbe}\x{1fc2}-\x{1fc4}\x{1fc6}-\x{1fcc}\x{1fd0}-\x{1fd3})"
    R"(\x{1fd6}-\x{1fdb}\x{1fe0}-\x{1fec}\x{1ff2}-\x{1ff4}\x{1ff6}-\x{1ffc}\x{2102}\x{2107})"
    R"(\x{210a}-\x{2113}\x{2115}\x{2119}-\x{211d}\x{2124}\x{2126}\x{2128}\x{212a}-\x{212d})"
    R"(\x{212f}-\x{2134}\x{2139}\x{213c}-\x{213f}\x{2145}-\x{2149}\x{214e}\x{2183}\x{2184})"
    R"(\x{2c00}-\x{2c7b}\x{2c7e}-\x{2ce4}\x{2ceb}-\x{2cee}\x{2cf2}\x{2cf3}\x{a640}-\x{a66d})"
    R"(\x{a680}-\x{a69b}\x{a722}-\x{a76f}\x{a771}-\x{a787}\x{a78b}-\x{a78e})"
    R"(\x{ab70}-\x{abbf}\x{fb00}-\x{fb06}\x{fb13}-\x{fb17}\x{ff21}-\x{ff3a})"
    R"(\x{ff41}-\x{ff5a}\x{10400}-\x{1044f}\x{104b0}-\x{104d3}\x{104d8}-\x{104fb})"
    R"(\x{10c80}-\x{10cb2}\x{10cc0}-\x{10cf2}\x{118a0}-\x{118df}\x{1e900}-\x{1e943})"
    "]+",
    R"(\s?[!-/:-~\x{ff01}-\x{ff0f}\x{ff1a}-\x{ff5e}\x{2018}-\x{201f}\x{3000}-\x{3002}]+)",
    R"((?<!\s)\s+$)",
    R"([\x{4e00}-\x{9fa5}\x{800}-\x{4e00}\x{ac00}-\x{d7ff}]+)",
    R"(\p{N}+)"};
constexpr const char* kDeepseekV3[] = {
    R"(\p{N}{1,3})", R"([\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+)",
    TRIVET_PUNCTUATED
    R"([^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)" TRIVET_SPACES};
constexpr const char* kBloom[] = {
    R"( ?[^(\s|.,!?\x{2026}\x{3002}\x{ff0c}\x{3001}\x{964}\x{6d4}\x{60c})]+)"};
constexpr const char* kViking[] = {
    R"( ?[^(\s|.,!?\x{2026}\x{3002}\x{ff0c}\x{3001}\x{964}\x{6d4}\x{60c})]+)", R"(\p{N})"};
constexpr const char* kBailing[] = {
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"};
constexpr const char* kSeedCoder[] = {
    TRIVET_CONTRACTIONS
    R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|)" TRIVET_SPACES};
constexpr const char* kMiniCpm5[] = {R"(\p{N}{1,3})", TRIVET_WORDS(R"(\p{N}+)")};
// Digits in threes from the right. What lies ahead is looked at once for each run of them: with a
// look ahead at every group, a long run takes quadratic time.
#define TRIVET_DIGIT_GROUPS \
  R"((?<!\p{N})\p{N}{1,2}(?=(?>(?:\p{N}{3})+)(?!\p{N}))|\p{N}{3}|\p{N}{1,2})"
#define TRIVET_UPPER_NOT_HAN R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]])"
#define TRIVET_LOWER_NOT_HAN R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]])"
constexpr const char* kKimiK2[] = {
    R"(\p{Han}+|[^\r\n\p{L}\p{N}]?)" TRIVET_UPPER_NOT_HAN "*" TRIVET_LOWER_NOT_HAN
    "+" TRIVET_CONTRACTIONS R"(?|[^\r\n\p{L}\p{N}]?)" TRIVET_UPPER_NOT_HAN "+" TRIVET_LOWER_NOT_HAN
    "*" TRIVET_CONTRACTIONS R"(?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" TRIVET_SPACES};
constexpr const char* kJais2[] = {
    TRIVET_CONTRACTIONS
    R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|)"
    R"(\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s)"};
constexpr const char* kYoutu[] = {
    R"([\x{ac00}-\x{d7a3}\x{3131}-\x{318e}]+|[\x{ff01}\x{2026}\x{201c}\x{201d}\x{2018}\x{2019})"
    R"(\x{2014}\x{ff1a}\x{ff1b}\x{ff0c}\x{3001}-\x{303f}\x{fe30}-\x{fe4f}]+|[\x{3105}-\x{312f})"
    R"(]+|[\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+)",
    TRIVET_CASED_WORDS(TRIVET_CONTRACTIONS "?", R"(\p{N})")};
constexpr const char* kSpark25[] = {
    R"(\p{N}{1,3})", R"([\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+)",
    TRIVET_PUNCTUATED
    R"([^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)",
    R"(\p{N})"};
constexpr const char* kAfmoe[] = {
    TRIVET_DIGIT_GROUPS,
    R"([\x{4e00}-\x{9fff}\x{3400}-\x{4dbf}\x{8c48}-\x{faff}\x{3040}-\x{309f}\x{30a0}-\x{30ff})"
    R"(\x{ff65}-\x{ff9f}\x{2f00}-\x{2fdf}\x{e40}-\x{e7f}\x{e80}-\x{eff}\x{1780}-\x{17ff})"
    R"(\x{1000}-\x{109f}\x{aa60}-\x{aa7f}\x{a9e0}-\x{a9ff}\x{ac00}-\x{d7af}\x{1100}-\x{11ff}]+)",
    TRIVET_PUNCTUATED
    R"([^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)" TRIVET_SPACES};
constexpr const char* kTinyAya[] = {TRIVET_DIGIT_GROUPS,
                                    TRIVET_CASED_WORDS(TRIVET_CONTRACTIONS "?", R"(\p{N}{1,3})")};
// Merges run across words.
constexpr const char* kSuperBpe[] = {R"(\p{N}+)", TRIVET_DIGIT_GROUPS};
constexpr const char* kUfakzeka[] = {
    R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" TRIVET_SPACES};
constexpr const char* kExaoneMoe[] = {
    TRIVET_CONTRACTIONS
    R"(|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|)"
    R"(\s*[\r\n]|\s+(?!\S)|\s+)"};
constexpr const char* kChameleon[] = {"<sentinel:[0-9]+>",       "IMGIMG[A-I]{1,4}Z",
                                      R"([\t\n]|    |  )",       R"(\p{N})",
                                      R"([\p{P}!-/:-@\[-`{-~])", TRIVET_GPT2};
// Merges run over whole lines.
constexpr const char* kLines[] = {R"([^\n]+|[\n]+)"};
constexpr const char* kLaguna[] = {R"([^\n]+|[\n]+)", TRIVET_WORDS(R"(\p{N})")};

struct Entry {
  std::string_view pre;
  PreTokenizer value;
};

constexpr bool kIgnoreMerges = true;
constexpr bool kAddBos = true;

constexpr PreTokenizer kLlama3Family = {kLlama3, kIgnoreMerges, kAddBos};
constexpr PreTokenizer kGpt2Family = {kGpt2};
constexpr PreTokenizer kSingleDigitsFamily = {kSingleDigits};
constexpr PreTokenizer kQwen2Family = {kQwen2};
constexpr PreTokenizer kGpt4oFamily = {kGpt4o};
constexpr PreTokenizer kDeepseekV3Family = {kDeepseekV3};
constexpr PreTokenizer kLineFamily = {kLines, false, false, false, true};

constexpr Entry kEntries[] = {
    {"default", {kDefault}},
    {"", {kDefault}},
    {"llama-bpe", kLlama3Family},
    {"llama3", kLlama3Family},
    {"llama-v3", kLlama3Family},
    {"falcon3", kLlama3Family},
    {"falcon-h1", kLlama3Family},
    {"pixtral", kLlama3Family},
    {"midm-2.0", kLlama3Family},
    {"lfm2", kLlama3Family},
    {"jina-v5-nano", kLlama3Family},
    {"dbrx", {kLlama3}},
    {"smaug-bpe", {kLlama3}},
    {"chatglm-bpe", {kLlama3}},
    {"glm4", {kLlama3, kIgnoreMerges}},
    {"glm5", {kLlama3, kIgnoreMerges}},
    {"gpt-2", kGpt2Family},
    {"phi-2", kGpt2Family},
    {"gigachat", kGpt2Family},
    {"a.x-4.0", kGpt2Family},
    {"mellum", kGpt2Family},
    {"mpt", kGpt2Family},
    {"olmo", kGpt2Family},
    {"jais", kGpt2Family},
    {"exaone4", kGpt2Family},
    {"trillion", kGpt2Family},
    {"granite-docling", kGpt2Family},
    {"smollm", kSingleDigitsFamily},
    {"starcoder", kSingleDigitsFamily},
    {"refact", kSingleDigitsFamily},
    {"command-r", kSingleDigitsFamily},
    {"codeshell", kSingleDigitsFamily},
    {"exaone", kSingleDigitsFamily},
    {"minerva-7b", kSingleDigitsFamily},
    {"mellum2", kSingleDigitsFamily},
    {"qwen2", kQwen2Family},
    {"deepseek-r1-qwen", kQwen2Family},
    {"megrez", kQwen2Family},
    {"kormo", kQwen2Family},
    {"f2llmv2", kQwen2Family},
    {"stablelm2", kQwen2Family},
    {"hunyuan", kQwen2Family},
    {"solar-open", kQwen2Family},
    {"grok-2", kQwen2Family},
    {"qwen35", {kQwen35}},
    {"gpt-4o", kGpt4oFamily},
    {"llama4", kGpt4oFamily},
    {"kanana2", kGpt4oFamily},
    {"talkie", kGpt4oFamily},
    {"granite-embed-multi-97m", {kGpt4o, kIgnoreMerges}},
    {"minimax-m2", kGpt4oFamily},
    {"tekken", {kTekken, kIgnoreMerges, kAddBos}},
    {"falcon", {kFalcon}},
    {"deepseek-llm", {kDeepseekLlm}},
    {"deepseek-coder", {kDeepseekCoder}},
    {"deepseek-v3", kDeepseekV3Family},
    {"hunyuan-dense", kDeepseekV3Family},
    {"joyai-llm", kDeepseekV3Family},
    {"hy_v4", kDeepseekV3Family},
    {"bloom", {kBloom}},
    {"gpt3-finnish", {kBloom}},
    {"poro-chat", {kBloom}},
    {"viking", {kViking}},
    {"bailingmoe", {kBailing}},
    {"bailingmoe2", {kBailing}},
    {"llada-moe", {kBailing}},
    {"seed-coder", {kSeedCoder}},
    {"minicpm5", {kMiniCpm5, kIgnoreMerges}},
    {"kimi-k2", {kKimiK2}},
    {"jais-2", {kJais2}},
    {"youtu", {kYoutu, kIgnoreMerges}},
    {"spark2_5", {kSpark25}},
    {"afmoe", {kAfmoe}},
    {"tiny_aya", {kTinyAya}},
    {"cohere2moe", {kTinyAya}},
    {"superbpe", {kSuperBpe}},
    {"ufakzeka", {kUfakzeka}},
    {"exaone-moe", {kExaoneMoe}},
    {"chameleon", {kChameleon, false, kAddBos}},
    {"laguna", {kLaguna}},
    {"gemma4", kLineFamily},
    {"granite-embed-multi-311m", kLineFamily},
    {"sarvam-moe", kLineFamily},
};

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view pre) {
  for (const Entry& entry : kEntries) {
    if (entry.pre == pre) return &entry.value;
  }
  return nullptr;
}

}  // namespace trivet
