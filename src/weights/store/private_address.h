// Which addresses a stranger must not make us connect to.
#ifndef TRIVET_WEIGHTS_STORE_PRIVATE_ADDRESS_H_
#define TRIVET_WEIGHTS_STORE_PRIVATE_ADDRESS_H_

#include <sys/socket.h>

namespace trivet {

// Of this machine, its networks, or no single machine: loopback, link-local, private use, shared,
// multicast, unspecified (RFC 6890), IPv6 forms of these, and every family but IPv4 and IPv6.
bool is_private_address(const sockaddr& address);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_STORE_PRIVATE_ADDRESS_H_
