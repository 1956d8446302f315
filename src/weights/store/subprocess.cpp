#include "weights/store/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

extern char** environ;

namespace trivet {
namespace {

constexpr size_t kKeptOutput = 4096;
constexpr int kPollMs = 100;

// Appends what can be read now. False at the end.
bool read_output(int descriptor, std::string& output) {
  char buffer[4096];
  const ssize_t got = ::read(descriptor, buffer, sizeof buffer);
  if (got < 0) return errno == EINTR;
  if (got == 0) return false;
  output.append(buffer, static_cast<size_t>(got));
  if (output.size() > kKeptOutput) output.erase(0, output.size() - kKeptOutput);
  return true;
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// In a process group of its own, so that all of it can be ended.
Result<pid_t> spawn(const std::vector<std::string>& arguments, int output) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error == 0) return child;
  return Error(ErrorCode::kNotFound,
               "cannot run \"" + arguments[0] + "\": " + std::strerror(error));
}

}  // namespace

Result<ProcessResult> run_process(const std::vector<std::string>& arguments,
                                  const std::function<bool()>& keep_going) {
  if (arguments.empty()) return Error(ErrorCode::kInvalidArgument, "no program to run");
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return Error(ErrorCode::kInternal, "cannot make a pipe");
  auto child = spawn(arguments, pipe[1]);
  ::close(pipe[1]);
  if (!child.ok()) {
    ::close(pipe[0]);
    return child.error();
  }
  ProcessResult result;
  bool stopped = false;
  bool open = true;
  while (open) {
    pollfd waiting{pipe[0], POLLIN, 0};
    const int ready = ::poll(&waiting, 1, kPollMs);
    if (ready > 0) open = read_output(pipe[0], result.output);
    if (!stopped && keep_going && !keep_going()) {
      stopped = true;
      ::kill(-*child, SIGKILL);
    }
  }
  ::close(pipe[0]);
  result.exit_code = wait_for(*child);
  if (stopped) return Error(ErrorCode::kCancelled, "\"" + arguments[0] + "\" was stopped");
  return result;
}

}  // namespace trivet
