#include "text/grammars/grammar_cache.h"

#include <algorithm>
#include <utility>

namespace trivet {

std::list<GrammarCache::Entry>::iterator GrammarCache::locate(GrammarKind kind,
                                                              std::string_view source) {
  return std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.kind == kind && entry.source == source; });
}

std::shared_ptr<const Grammar> GrammarCache::find(GrammarKind kind, std::string_view source) {
  const std::lock_guard lock(mutex_);
  const auto found = locate(kind, source);
  if (found == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return found->grammar;
}

void GrammarCache::add(GrammarKind kind, std::string_view source,
                       std::shared_ptr<const Grammar> grammar) {
  if (source.size() > kMaxSourceBytes) return;
  const std::lock_guard lock(mutex_);
  if (const auto old = locate(kind, source); old != entries_.end()) {
    source_bytes_ -= old->source.size();
    entries_.erase(old);
  }
  entries_.push_front({kind, std::string(source), std::move(grammar)});
  source_bytes_ += source.size();
  while (entries_.size() > kMaxGrammars || source_bytes_ > kMaxSourceBytes) {
    source_bytes_ -= entries_.back().source.size();
    entries_.pop_back();
  }
}

}  // namespace trivet
