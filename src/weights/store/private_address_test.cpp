#include "weights/store/private_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>

namespace trivet {
namespace {

bool private_v4(const char* text) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  EXPECT_EQ(inet_pton(AF_INET, text, &address.sin_addr), 1) << text;
  return is_private_address(reinterpret_cast<const sockaddr&>(address));
}

bool private_v6(const char* text) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  EXPECT_EQ(inet_pton(AF_INET6, text, &address.sin6_addr), 1) << text;
  return is_private_address(reinterpret_cast<const sockaddr&>(address));
}

TEST(PrivateAddress, KnowsTheRangesOfIpv4ToTheirEdges) {
  for (const char* text : {"0.0.0.0", "10.0.0.0", "10.255.255.255", "100.64.0.1", "100.127.255.255",
                           "127.0.0.1", "169.254.169.254", "172.16.0.0", "172.31.255.255",
                           "192.168.0.1", "224.0.0.1", "255.255.255.255"}) {
    EXPECT_TRUE(private_v4(text)) << text;
  }
  for (const char* text : {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
                           "126.255.255.255", "128.0.0.0", "169.253.255.255", "172.15.255.255",
                           "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255"}) {
    EXPECT_FALSE(private_v4(text)) << text;
  }
}

TEST(PrivateAddress, SeesThroughTheFormsOfIpv6) {
  for (const char* text :
       {"::", "::1", "fe80::1", "fec0::1", "fc00::1", "fdff::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.1.2.3", "64:ff9b::c0a8:1", "2002:7f00:1::"}) {
    EXPECT_TRUE(private_v6(text)) << text;
  }
  for (const char* text : {"2001:4860:4860::8888", "2606:4700::1111", "::ffff:1.1.1.1",
                           "64:ff9b::101:101", "2002:101:101::"}) {
    EXPECT_FALSE(private_v6(text)) << text;
  }
}

TEST(PrivateAddress, TrustsNoOtherFamily) {
  sockaddr address{};
  address.sa_family = AF_UNIX;
  EXPECT_TRUE(is_private_address(address));
}

}  // namespace
}  // namespace trivet
