#include "text/grammars/gbnf.h"

#include <cctype>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "text/grammars/gbnf_parser.h"

namespace trivet {
namespace {

constexpr size_t kMaxTranslatedBytes = size_t{1} << 20;

// Writes rules as regular expressions, or as Lark.
class Translator {
 public:
  explicit Translator(const GbnfGrammar& grammar) : grammar_(grammar) { find_recursive_rules(); }

  Result<TranslatedGrammar> translate() {
    TranslatedGrammar result;
    if (!recursive_.contains("root")) {
      result.kind = GrammarKind::kRegex;
      write_regex(grammar_.rules.at("root"), result.source);
    } else {
      write_lark(result.source);
    }
    if (too_long_) {
      return Error(ErrorCode::kInvalidArgument,
                   "The GBNF grammar becomes longer than " + std::to_string(kMaxTranslatedBytes) +
                       " bytes when its rules are put into each other; simplify it.");
    }
    return result;
  }

 private:
  // A rule that is not recursive and calls none that is.
  bool is_regular(const std::string& name) const { return !recursive_.contains(name); }

  // Rules that reach a cycle: those from which the search comes back to a rule that is still open.
  void find_recursive_rules() {
    std::map<std::string, std::set<std::string>> calls;
    for (const auto& [name, node] : grammar_.rules) collect_calls(node, calls[name]);
    // What only calls regular rules is regular; repeated until nothing is added.
    std::set<std::string> regular;
    for (bool changed = true; changed;) {
      changed = false;
      for (const auto& [name, called] : calls) {
        if (regular.contains(name)) continue;
        bool all = true;
        for (const std::string& other : called) all = all && regular.contains(other);
        if (all) changed = regular.insert(name).second;
      }
    }
    for (const auto& [name, called] : calls) {
      if (!regular.contains(name)) recursive_.insert(name);
    }
  }

  static void collect_calls(const GbnfNode& node, std::set<std::string>& calls) {
    if (node.kind == GbnfNode::Kind::kRule) calls.insert(node.text);
    for (const GbnfNode& child : node.children) collect_calls(child, calls);
  }

  bool append(std::string& out, std::string_view text) {
    too_long_ = too_long_ || out.size() + text.size() > kMaxTranslatedBytes;
    if (!too_long_) out += text;
    return !too_long_;
  }

  void write_repetition(const GbnfNode& node, std::string& out) {
    if (node.least == 1 && node.most == 1) return;
    if (node.least == 0 && node.most == 1) {
      append(out, "?");
    } else if (node.most == GbnfNode::kUnbounded && node.least <= 1) {
      append(out, node.least == 0 ? "*" : "+");
    } else {
      const std::string most = node.most == GbnfNode::kUnbounded ? "" : std::to_string(node.most);
      append(out, "{" + std::to_string(node.least) + "," + most + "}");
    }
  }

  // As a regular expression; every call is replaced by what it stands for.
  void write_regex(const GbnfNode& node, std::string& out) {
    if (too_long_) return;
    switch (node.kind) {
      case GbnfNode::Kind::kLiteral:
        append(out, "(" + regex_of_literal(node.text) + ")");
        break;
      case GbnfNode::Kind::kClass:
        append(out, node.text);
        break;
      case GbnfNode::Kind::kRule:
        append(out, "(");
        write_regex(grammar_.rules.at(node.text), out);
        append(out, ")");
        break;
      case GbnfNode::Kind::kSequence:
      case GbnfNode::Kind::kChoice:
        append(out, "(");
        for (size_t i = 0; i < node.children.size(); ++i) {
          if (i > 0 && node.kind == GbnfNode::Kind::kChoice) append(out, "|");
          write_regex(node.children[i], out);
        }
        append(out, ")");
        break;
    }
    write_repetition(node, out);
  }

  static std::string lark_name(const std::string& name, bool terminal) {
    if (!terminal && name == "root") return "start";
    // Dashes are not for Lark; the length keeps "a-b" and "a_b" apart from each other's spelling.
    std::string result = terminal ? "T" : "r";
    for (const char letter : name) {
      const auto byte = static_cast<unsigned char>(letter);
      if (letter == '-') {
        result += terminal ? "_D_" : "_d_";
      } else {
        result += static_cast<char>(terminal ? std::toupper(byte) : std::tolower(byte));
      }
    }
    return result;
  }

  void write_lark(std::string& out) {
    std::map<std::string, std::string> spelt;
    for (const auto& [name, node] : grammar_.rules) {
      const bool terminal = is_regular(name);
      std::string lark = lark_name(name, terminal);
      while (!spelt.emplace(lark, name).second) lark += terminal ? "X" : "x";
      names_[name] = lark;
    }
    for (const auto& [name, node] : grammar_.rules) {
      append(out, names_[name] + ": ");
      if (is_regular(name)) {
        write_terminal(node, out);
      } else {
        write_lark(node, out);
      }
      append(out, "\n");
    }
  }

  void write_terminal(const GbnfNode& node, std::string& out) {
    std::string regex;
    write_regex(node, regex);
    append(out, "/" + regex + "/");
  }

  void write_lark(const GbnfNode& node, std::string& out) {
    switch (node.kind) {
      case GbnfNode::Kind::kLiteral:
        append(out, node.text.empty() ? "\"\"" : "/" + regex_of_literal(node.text) + "/");
        break;
      case GbnfNode::Kind::kClass: {
        // With its repetition: one terminal instead of one for each character.
        std::string regex = node.text;
        write_repetition(node, regex);
        append(out, "/" + regex + "/");
        return;
      }
      case GbnfNode::Kind::kRule:
        append(out, names_.at(node.text));
        break;
      case GbnfNode::Kind::kSequence:
      case GbnfNode::Kind::kChoice:
        append(out, "(");
        for (size_t i = 0; i < node.children.size(); ++i) {
          if (i > 0) append(out, node.kind == GbnfNode::Kind::kChoice ? " | " : " ");
          write_lark(node.children[i], out);
        }
        append(out, node.children.empty() ? "\"\")" : ")");
        break;
    }
    write_repetition(node, out);
  }

  const GbnfGrammar& grammar_;
  std::set<std::string> recursive_;
  std::map<std::string, std::string> names_;
  bool too_long_ = false;
};

}  // namespace

bool is_gbnf(std::string_view source) { return source.find("::=") != std::string_view::npos; }

Result<TranslatedGrammar> translate_gbnf(std::string_view source) {
  TRIVET_ASSIGN_OR_RETURN(const GbnfGrammar grammar, parse_gbnf(source));
  return Translator(grammar).translate();
}

}  // namespace trivet
