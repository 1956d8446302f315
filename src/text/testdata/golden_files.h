// Reads the golden files beside this header (written by tools/golden).
#ifndef TRIVET_TEXT_TESTDATA_GOLDEN_FILES_H_
#define TRIVET_TEXT_TESTDATA_GOLDEN_FILES_H_

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace trivet {

inline nlohmann::json read_golden(const std::string& name) {
  return nlohmann::json::parse(std::ifstream(TRIVET_SOURCE_DIR "/src/text/testdata/" + name));
}

inline Vocabulary read_golden_vocabulary(const std::string& name) {
  const nlohmann::json json = read_golden(name);
  Vocabulary vocabulary;
  vocabulary.model = json["model"];
  vocabulary.tokens = json["tokens"].get<std::vector<std::string>>();
  for (const int type : json["types"]) vocabulary.types.push_back(static_cast<TokenType>(type));
  if (json.contains("merges")) vocabulary.merges = json["merges"].get<std::vector<std::string>>();
  if (json.contains("scores")) vocabulary.scores = json["scores"].get<std::vector<float>>();
  if (json.contains("unknown")) vocabulary.unknown = json["unknown"].get<TokenId>();
  vocabulary.bos = json["bos"].get<TokenId>();
  vocabulary.eos = json["eos"].get<TokenId>();
  return vocabulary;
}

// Null after a failure that the test reports.
inline std::unique_ptr<Tokenizer> opened(Result<std::unique_ptr<Tokenizer>> tokenizer) {
  if (tokenizer.ok()) return std::move(tokenizer).value();
  ADD_FAILURE() << tokenizer.error().message();
  return nullptr;
}

}  // namespace trivet

#endif  // TRIVET_TEXT_TESTDATA_GOLDEN_FILES_H_
