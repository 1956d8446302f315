// Names that one holder at a time may use.
#ifndef TRIVET_SERVER_SERVICES_HELD_NAMES_H_
#define TRIVET_SERVER_SERVICES_HELD_NAMES_H_

#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace trivet {

// Thread-safe; holds may outlive it.
class HeldNames {
 private:
  struct Taken {
    std::mutex mutex;
    std::set<std::string> names;
  };

 public:
  // Until release() or the end of the hold.
  class Hold {
   public:
    Hold(std::shared_ptr<Taken> taken, std::string name)
        : taken_(std::move(taken)), name_(std::move(name)) {}
    ~Hold() { release(); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

    void release() {
      const std::lock_guard lock(taken_->mutex);
      if (held_) taken_->names.erase(name_);
      held_ = false;
    }

   private:
    const std::shared_ptr<Taken> taken_;
    const std::string name_;
    bool held_ = true;
  };

  // Null: somebody else has it.
  std::shared_ptr<Hold> take(const std::string& name) {
    const std::lock_guard lock(taken_->mutex);
    if (!taken_->names.insert(name).second) return nullptr;
    return std::make_shared<Hold>(taken_, name);
  }

 private:
  const std::shared_ptr<Taken> taken_ = std::make_shared<Taken>();
};

}  // namespace trivet

#endif  // TRIVET_SERVER_SERVICES_HELD_NAMES_H_
