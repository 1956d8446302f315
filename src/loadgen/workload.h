// What a load client asks for: prompts made from a seed, and when each request begins.
#ifndef TRIVET_LOADGEN_WORKLOAD_H_
#define TRIVET_LOADGEN_WORKLOAD_H_

#include <cstdint>
#include <random>
#include <string>

namespace trivet {

struct WorkloadOptions {
  int prompt_words = 200;  // of each request; includes the shared ones
  int shared_words = 0;    // the same beginning for all requests of a group
  int groups = 1;          // different shared beginnings
  uint64_t seed = 1;
};

// The prompt of request `index`: plain English words, about one token each for most tokenizers. A
// function of (options, index) alone, so that every server gets the same prompts.
std::string make_prompt(const WorkloadOptions& options, uint64_t index);

// Seconds between two arrivals. Gamma distributed with mean 1 / rate and shape `burstiness`: 1 is a
// Poisson process, below 1 comes in bursts, above 1 is more regular.
class Arrivals {
 public:
  Arrivals(double requests_per_second, double burstiness, uint64_t seed)
      : random_(seed), gap_(burstiness, 1.0 / (requests_per_second * burstiness)) {}
  double next_gap_seconds() { return gap_(random_); }

 private:
  std::mt19937_64 random_;
  std::gamma_distribution<double> gap_;
};

}  // namespace trivet

#endif  // TRIVET_LOADGEN_WORKLOAD_H_
