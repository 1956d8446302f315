// The C boundary of the Rust text library: tokenizers, chat templates and grammars.
//
// Rules for every function:
// - It returns a TrivetTextStatus; on anything but TRIVET_TEXT_OK it fills `*error` with a message in UTF-8
//   and leaves its other outputs empty. A panic inside becomes TRIVET_TEXT_INTERNAL; none crosses.
// - Texts go in as (pointer, size) and must be UTF-8; a size of 0 allows a null pointer.
// - What comes out (TrivetTextBytes, TrivetTextIds, handles) belongs to the caller, who frees it with the
//   function of its type. Freeing an empty value is allowed.
// - Tokenizers, templates and grammar vocabularies never change after they were made and may be used from
//   many threads; a grammar belongs to one thread at a time.
// - No file is read, nothing is downloaded, and no thread outlives a call.
#ifndef TRIVET_TEXT_H_
#define TRIVET_TEXT_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum TrivetTextStatus {
  TRIVET_TEXT_OK = 0,
  TRIVET_TEXT_INVALID = 1,      // the input is wrong
  TRIVET_TEXT_UNSUPPORTED = 2,  // the input is valid, but this library cannot do it
  TRIVET_TEXT_EXHAUSTED = 3,    // a limit on steps, size or depth was reached
  TRIVET_TEXT_INTERNAL = 4,     // a mistake in the library
};

typedef struct TrivetTextSlice {
  const char* data;
  size_t size;
} TrivetTextSlice;

// `count` strings that lie one behind the other: string i is data[ends[i-1], ends[i]), with ends[-1] = 0.
typedef struct TrivetTextStrings {
  const char* data;
  const uint32_t* ends;
  size_t count;
} TrivetTextStrings;

typedef struct TrivetTextBytes {
  uint8_t* data;
  size_t size;
} TrivetTextBytes;

typedef struct TrivetTextIds {
  uint32_t* data;
  size_t size;
} TrivetTextIds;

void trivet_text_free_bytes(TrivetTextBytes bytes);
void trivet_text_free_ids(TrivetTextIds ids);

// ---- Tokenizers ----------------------------------------------------------------------------------------

typedef struct TrivetTextTokenizer TrivetTextTokenizer;

// From the bytes of a tokenizer.json of Hugging Face `tokenizers`. Padding and truncation are ignored.
int32_t trivet_text_tokenizer_from_json(TrivetTextSlice json, TrivetTextTokenizer** tokenizer,
                                        TrivetTextBytes* error);

// A byte-pair encoder without added tokens.
typedef struct TrivetTextBytePairs {
  TrivetTextStrings tokens;    // id i = string i; of equal names the lowest id counts, empty names none
  TrivetTextStrings merges;    // "left right", most important first; both sides and the result are tokens
  TrivetTextStrings patterns;  // regular expressions that split the text, one after the other
  uint8_t byte_level;          // bytes are written as GPT-2's printable characters
  uint8_t byte_fallback;       // characters that are no token become "<0xAB>" tokens
  uint8_t ignore_merges;       // a word that is a token as a whole is that token
} TrivetTextBytePairs;
int32_t trivet_text_tokenizer_from_byte_pairs(const TrivetTextBytePairs* spec,
                                              TrivetTextTokenizer** tokenizer, TrivetTextBytes* error);

void trivet_text_tokenizer_free(TrivetTextTokenizer* tokenizer);

int32_t trivet_text_tokenizer_encode(const TrivetTextTokenizer* tokenizer, TrivetTextSlice text,
                                     uint8_t add_special_tokens, uint8_t parse_special_tokens,
                                     TrivetTextIds* ids, TrivetTextBytes* error);

// The library's own decoding; only for decoders that are not `by_piece` (below).
int32_t trivet_text_tokenizer_decode(const TrivetTextTokenizer* tokenizer, const uint32_t* ids,
                                     size_t count, uint8_t skip_special_tokens, TrivetTextBytes* text,
                                     TrivetTextBytes* error);

// Bits of TrivetTextTokenTable.flags.
enum { TRIVET_TEXT_TOKEN_SPECIAL = 1 };

// All tokens, ids 0 to n-1 (n = flags.size). Ids without a token have an empty name and piece.
typedef struct TrivetTextTokenTable {
  TrivetTextBytes names;
  TrivetTextIds name_ends;
  TrivetTextBytes pieces;  // the bytes that the token stands for inside a text
  TrivetTextIds piece_ends;
  TrivetTextBytes flags;
  uint8_t by_piece;              // the text of a sequence is the concatenation of its pieces
  uint8_t strips_leading_space;  // ... without the space at its very start
} TrivetTextTokenTable;
int32_t trivet_text_tokenizer_tokens(const TrivetTextTokenizer* tokenizer, TrivetTextTokenTable* table,
                                     TrivetTextBytes* error);

// ---- Chat templates ------------------------------------------------------------------------------------

typedef struct TrivetTextTemplate TrivetTextTemplate;

int32_t trivet_text_template_compile(TrivetTextSlice source, TrivetTextSlice bos_token,
                                     TrivetTextSlice eos_token, TrivetTextTemplate** result,
                                     TrivetTextBytes* error);
void trivet_text_template_free(TrivetTextTemplate* value);

// A local time, with the meaning of struct tm's members (year = full year, month 1 to 12).
typedef struct TrivetTextTime {
  int32_t year, month, day, hour, minute, second;
  int32_t weekday;   // 0 = Sunday
  int32_t year_day;  // 0 = 1 January
  int32_t utc_offset_seconds;
} TrivetTextTime;

typedef struct TrivetTextChat {
  TrivetTextSlice messages_json;   // array of objects
  TrivetTextSlice tools_json;      // array, or empty = none
  TrivetTextSlice documents_json;  // array, or empty = none
  TrivetTextSlice extra_json;      // object of further variables, or empty
  uint8_t add_generation_prompt;
  uint8_t continue_final_message;
  TrivetTextTime now;              // what strftime_now() shows
} TrivetTextChat;
int32_t trivet_text_template_render(const TrivetTextTemplate* value, const TrivetTextChat* chat,
                                    TrivetTextBytes* text, TrivetTextBytes* error);

// ---- Grammars ------------------------------------------------------------------------------------------

typedef struct TrivetTextGrammarVocabulary TrivetTextGrammarVocabulary;
typedef struct TrivetTextGrammar TrivetTextGrammar;

// `pieces`: the bytes of each token, for special tokens their names. `special`: one byte per token, not 0 =
// the token never matches text. `ends`: the tokens that end a sequence, at least one.
int32_t trivet_text_grammar_vocabulary_new(TrivetTextStrings pieces, const uint8_t* special,
                                           const uint32_t* ends, size_t end_count,
                                           TrivetTextGrammarVocabulary** vocabulary,
                                           TrivetTextBytes* error);
void trivet_text_grammar_vocabulary_free(TrivetTextGrammarVocabulary* vocabulary);

enum TrivetTextGrammarKind {
  TRIVET_TEXT_GRAMMAR_JSON_SCHEMA = 0,
  TRIVET_TEXT_GRAMMAR_REGEX = 1,
  TRIVET_TEXT_GRAMMAR_LARK = 2,
};
// The grammar at the start of a sequence.
int32_t trivet_text_grammar_compile(const TrivetTextGrammarVocabulary* vocabulary, int32_t kind,
                                    TrivetTextSlice source, TrivetTextGrammar** grammar,
                                    TrivetTextBytes* error);
void trivet_text_grammar_free(TrivetTextGrammar* grammar);

// Sets bit t % 32 of words[t / 32] for every token t that may come next and clears all others. Where the
// grammar is complete, only the ends are allowed.
int32_t trivet_text_grammar_mask(TrivetTextGrammar* grammar, uint32_t* words, size_t word_count,
                                 TrivetTextBytes* error);
// Takes tokens as long as they are allowed; `*accepted` of `count` were.
int32_t trivet_text_grammar_accept(TrivetTextGrammar* grammar, const uint32_t* tokens, size_t count,
                                   size_t* accepted, TrivetTextBytes* error);
// Undoes the last `count` accepted tokens.
int32_t trivet_text_grammar_rollback(TrivetTextGrammar* grammar, size_t count, TrivetTextBytes* error);
int32_t trivet_text_grammar_clone(const TrivetTextGrammar* grammar, TrivetTextGrammar** copy,
                                  TrivetTextBytes* error);
// May the text end here?
int32_t trivet_text_grammar_is_accepting(TrivetTextGrammar* grammar, uint8_t* accepting,
                                         TrivetTextBytes* error);
// Must it: is nothing but an end allowed, or was one accepted?
int32_t trivet_text_grammar_is_terminated(const TrivetTextGrammar* grammar, uint8_t* terminated,
                                          TrivetTextBytes* error);
// The bytes that must come next whatever the model says; empty if there is a choice.
int32_t trivet_text_grammar_forced_bytes(TrivetTextGrammar* grammar, TrivetTextBytes* bytes,
                                         TrivetTextBytes* error);

enum TrivetTextGrammarOffer {
  TRIVET_TEXT_OFFER_FORBIDDEN = 0,  // by the grammar
  TRIVET_TEXT_OFFER_ACCEPTED = 1,
  TRIVET_TEXT_OFFER_TOO_LONG = 2,  // allowed, but then the text would need more tokens than `remaining`
};
// Takes the token if the text can then be completed within `remaining` more tokens, the end token not
// counted. Else nothing changes. A grammar that cannot close never says TOO_LONG.
int32_t trivet_text_grammar_accept_within(TrivetTextGrammar* grammar, uint32_t token, size_t remaining,
                                          uint8_t* offer, TrivetTextBytes* error);
// Few tokens that complete the text, without the end token; TRIVET_TEXT_UNSUPPORTED if none are known.
int32_t trivet_text_grammar_closing(TrivetTextGrammar* grammar, TrivetTextIds* tokens,
                                    TrivetTextBytes* error);
// Whether completions are known at all: not for grammars with lookaheads, parameters or limits of their own.
void trivet_text_grammar_can_close(const TrivetTextGrammar* grammar, uint8_t* can);

#ifdef __cplusplus
}
#endif

#endif  // TRIVET_TEXT_H_
