#include "weights/store/private_address.h"

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace trivet {
namespace {

struct Ipv4Range {
  uint32_t first;
  int prefix_bits;
};

constexpr std::array<Ipv4Range, 10> kPrivateRanges = {{
    {0x00000000, 8},   // this network
    {0x0a000000, 8},   // private use
    {0x64400000, 10},  // shared between a provider and its customers
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local
    {0xac100000, 12},  // private use
    {0xc0000000, 24},  // protocol assignments
    {0xc0a80000, 16},  // private use
    {0xc6120000, 15},  // benchmarks
    {0xe0000000, 3},   // multicast, reserved, broadcast
}};

bool is_private_ipv4(uint32_t address) {
  for (const Ipv4Range& range : kPrivateRanges) {
    if ((address >> (32 - range.prefix_bits)) == (range.first >> (32 - range.prefix_bits))) {
      return true;
    }
  }
  return false;
}

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

bool is_private_ipv6(const std::array<uint8_t, 16>& bytes) {
  constexpr std::array<uint8_t, 12> kZeros = {};
  constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::array<uint8_t, 12> kTranslated = {0, 0x64, 0xff, 0x9b};  // RFC 6052
  const auto begins_with = [&](const std::array<uint8_t, 12>& prefix) {
    return std::memcmp(bytes.data(), prefix.data(), prefix.size()) == 0;
  };
  if (begins_with(kZeros)) return true;  // unspecified, loopback, and addresses of old tunnels
  if (begins_with(kMapped) || begins_with(kTranslated)) {
    return is_private_ipv4(big_endian(bytes.data() + 12));
  }
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return is_private_ipv4(big_endian(bytes.data() + 2));
  const bool is_unique_local = (bytes[0] & 0xfe) == 0xfc;
  const bool is_link_or_site_local = bytes[0] == 0xfe && bytes[1] >= 0x80;
  return is_unique_local || is_link_or_site_local || bytes[0] == 0xff;
}

}  // namespace

bool is_private_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in ipv4;
    std::memcpy(&ipv4, &address, sizeof ipv4);
    return is_private_ipv4(ntohl(ipv4.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return true;
  sockaddr_in6 ipv6;
  std::memcpy(&ipv6, &address, sizeof ipv6);
  std::array<uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &ipv6.sin6_addr, bytes.size());
  return is_private_ipv6(bytes);
}

}  // namespace trivet
