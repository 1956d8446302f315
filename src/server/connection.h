// A client's socket around a Session.
#ifndef TRIVET_SERVER_CONNECTION_H_
#define TRIVET_SERVER_CONNECTION_H_

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <unordered_set>
#include <vector>

#include "server/lane.h"
#include "server/server_state.h"

namespace boost::asio::ssl {
class context;
}

namespace trivet {

// I/O thread only. Lives as long as an operation on its socket is under way.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual void tick() = 0;
  virtual void cut() = 0;
};

// The connections of one I/O thread and what they share. I/O thread only.
struct ConnectionHome {
  static constexpr size_t kScratchBytes = 64 << 10;

  ServerState& server;
  std::shared_ptr<Lane> lane;
  std::unordered_set<Connection*> connections;
  // Plain sockets read into this: an idle connection holds no buffer.
  std::vector<char> scratch = std::vector<char>(kScratchBytes);
};

// Start serving an accepted socket, whose executor must be the home's thread. `tls` must outlive
// it.
void start_plain_connection(boost::asio::ip::tcp::socket socket, ConnectionHome& home,
                            bool over_limit);
void start_tls_connection(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context& tls,
                          ConnectionHome& home, bool over_limit);

}  // namespace trivet

#endif  // TRIVET_SERVER_CONNECTION_H_
