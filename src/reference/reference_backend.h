// Every operation in plain float32 behind the backend ABI: the judge of all other backends, and
// what runs the operations that a device declines.
#ifndef TRIVET_REFERENCE_REFERENCE_BACKEND_H_
#define TRIVET_REFERENCE_REFERENCE_BACKEND_H_

#include "trivet/backend.h"

namespace trivet {

// The table; for Backend::from_table. Host memory, every operation and weight type, weights used in
// place (weight_bytes is 0: the source must stay valid and unchanged), float32 key/value cache.
// Results are within about 1e-6 of exact arithmetic, relative to the sum of the magnitudes of the
// terms, and obey the exactness contract. Everything is synchronous; streams are ignored.
const trivet_backend* reference_backend();

}  // namespace trivet

#endif  // TRIVET_REFERENCE_REFERENCE_BACKEND_H_
