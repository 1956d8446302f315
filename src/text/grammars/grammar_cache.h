// Compiled grammars of the last requests: agents send the same schema again and again.
#ifndef TRIVET_TEXT_GRAMMARS_GRAMMAR_CACHE_H_
#define TRIVET_TEXT_GRAMMARS_GRAMMAR_CACHE_H_

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "text/grammar.h"

namespace trivet {

// Bounded in number and in bytes of source, the least recently used go first. Thread-safe.
class GrammarCache {
 public:
  static constexpr size_t kMaxGrammars = 16;
  static constexpr size_t kMaxSourceBytes = size_t{512} << 10;

  // Null if it is not there.
  std::shared_ptr<const Grammar> find(GrammarKind kind, std::string_view source);
  // Grammars with a source beyond the bound are not kept.
  void add(GrammarKind kind, std::string_view source, std::shared_ptr<const Grammar> grammar);

 private:
  struct Entry {
    GrammarKind kind;
    std::string source;
    std::shared_ptr<const Grammar> grammar;
  };
  std::list<Entry>::iterator locate(GrammarKind kind, std::string_view source);

  std::mutex mutex_;
  std::list<Entry> entries_;  // the latest first
  size_t source_bytes_ = 0;
};

}  // namespace trivet

#endif  // TRIVET_TEXT_GRAMMARS_GRAMMAR_CACHE_H_
