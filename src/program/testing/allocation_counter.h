// Counts the heap allocations of a test program.
#ifndef TRIVET_PROGRAM_TESTING_ALLOCATION_COUNTER_H_
#define TRIVET_PROGRAM_TESTING_ALLOCATION_COUNTER_H_

namespace trivet {

// Calls of operator new so far, in all threads.
long count_allocations();

}  // namespace trivet

#endif  // TRIVET_PROGRAM_TESTING_ALLOCATION_COUNTER_H_
