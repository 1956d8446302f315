#include "loadgen/workload.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/mix.h"

namespace trivet {
namespace {

constexpr std::array<std::string_view, 128> kWords = {
    "able",   "across", "after",   "again",   "air",      "almost", "along",  "always", "animal",
    "answer", "apple",  "arm",     "around",  "ask",      "autumn", "away",   "baby",   "back",
    "bank",   "base",   "bear",    "become",  "begin",    "behind", "bell",   "below",  "bird",
    "blue",   "boat",   "body",    "book",    "bottle",   "box",    "bread",  "bridge", "bring",
    "brown",  "build",  "call",    "camp",    "care",     "carry",  "case",   "cat",    "chair",
    "change", "child",  "city",    "clear",   "climb",    "close",  "cloud",  "coat",   "cold",
    "color",  "come",   "cook",    "corn",    "count",    "cover",  "dance",  "dark",   "deep",
    "door",   "draw",   "dream",   "dress",   "drive",    "early",  "earth",  "east",   "easy",
    "egg",    "engine", "evening", "eye",     "face",     "family", "farm",   "fast",   "field",
    "fire",   "fish",   "floor",   "flower",  "forest",   "friend", "garden", "glass",  "gold",
    "grass",  "green",  "hand",    "happy",   "heart",    "hill",   "horse",  "house",  "ice",
    "island", "job",    "key",     "kitchen", "lake",     "leaf",   "letter", "light",  "line",
    "long",   "market", "moon",    "morning", "mountain", "music",  "night",  "north",  "ocean",
    "paper",  "people", "quiet",   "rain",    "river",    "road",   "school", "silver", "snow",
    "stone",  "summer"};

void append_words(std::string& text, uint64_t state, int count) {
  for (int i = 0; i < count; ++i) {
    state = mix(state);
    if (!text.empty()) text += ' ';
    text += kWords[state % kWords.size()];
  }
}

}  // namespace

std::string make_prompt(const WorkloadOptions& options, uint64_t index) {
  std::string text;
  const int shared = std::min(options.shared_words, options.prompt_words);
  const uint64_t group = index % static_cast<uint64_t>(std::max(options.groups, 1));
  append_words(text, mix(options.seed ^ mix(group + 1)), shared);
  append_words(text, mix(mix(options.seed) + index), options.prompt_words - shared);
  return text;
}

}  // namespace trivet
