// What a step of a model must do at least, and how fast a machine could do it.
#ifndef TRIVET_MEASURE_ROOFLINE_H_
#define TRIVET_MEASURE_ROOFLINE_H_

#include <vector>

#include "graph/graph.h"

namespace trivet {

// Matrices that every row goes through. A weight that two operations use counts twice.
struct MatrixWork {
  double parameters = 0;  // two operations each and row
  double bytes = 0;       // as the source stores them, read once a step
};

// Layers that read the same span of the cache.
struct CacheWork {
  double elements_per_position = 0;  // keys and values of all its layers
  int window = 0;                    // positions read at most; 0 = all
};

struct StepWork {
  MatrixWork body;  // for every token
  MatrixWork head;  // after the last layer, for rows whose logits are wanted
  std::vector<CacheWork> cache;

  // Keys and values that one more token reads with `context` positions before it.
  double cache_elements(int context) const;
};

StepWork step_work(const Graph& graph);

struct MachineRates {
  double operations_per_second = 0;  // int8 multiply-adds x 2
  double read_bytes_per_second = 0;
};

// Tokens per second of a long prompt: every multiplication of the body. Attention counts as free.
double prompt_limit(const StepWork& work, const MachineRates& rates);

// Tokens per second of `sequences` decoded together, each with `context` positions: all weights and
// caches read once, and every multiplication; whichever takes longer, as one can hide the other.
double decode_limit(const StepWork& work, const MachineRates& rates, int sequences, int context,
                    double cache_bytes_per_element = 2);

}  // namespace trivet

#endif  // TRIVET_MEASURE_ROOFLINE_H_
