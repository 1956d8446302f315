#include "device/conformance.h"

#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <sstream>

#include "commands.h"
#include "model_access.h"
#include "reference/reference_backend.h"
#include "terminal.h"

namespace trivet {
namespace {

// "cpu" -> the plugin of that name beside this program.
std::string plugin_path(const std::string& plugin) {
  if (plugin.find('/') != std::string::npos || std::filesystem::exists(plugin)) return plugin;
  return program_folder() + "/libtrivet_backend_" + plugin + ".so";
}

std::vector<std::string> split_levels(const char* levels) {
  std::vector<std::string> names;
  std::istringstream list(levels != nullptr ? levels : "");
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  return names;
}

// Without a choice: every level that this machine has, or the device as it is where it has none.
Result<std::vector<std::optional<std::string>>> levels_to_check(
    const std::shared_ptr<Backend>& backend, const std::string& chosen) {
  if (!chosen.empty()) return std::vector<std::optional<std::string>>{chosen};
  TRIVET_ASSIGN_OR_RETURN(const auto device,
                          Device::create(backend, {.index = 0, .num_threads = 1, .isa = {}}));
  std::vector<std::optional<std::string>> levels;
  for (const std::string& name : split_levels(device->info().isa_levels)) levels.emplace_back(name);
  if (levels.empty()) levels.emplace_back();
  return levels;
}

Result<bool> check_level(const std::shared_ptr<Backend>& backend, Device& reference,
                         const std::optional<std::string>& isa, bool verbose) {
  TRIVET_ASSIGN_OR_RETURN(const auto device,
                          Device::create(backend, {.index = 0, .num_threads = 0, .isa = isa}));
  fmt::print("{}\n", styled(Style::kBold, device->info().description, 1));
  const auto show = [&](const ConformanceCase& c) {
    if (verbose || c.status == ConformanceStatus::kFail) print_conformance_case(c, std::cout);
  };
  const ConformanceReport report = run_conformance(*device, reference, {}, show);
  print_conformance_summary(report, std::cout);
  std::cout << std::endl;
  return report.conforms();
}

Result<bool> check(const ConformanceCommandOptions& options) {
  TRIVET_ASSIGN_OR_RETURN(const auto backend, Backend::load(plugin_path(options.plugin)));
  TRIVET_ASSIGN_OR_RETURN(const auto judge, Backend::from_table(reference_backend()));
  TRIVET_ASSIGN_OR_RETURN(const auto reference, Device::create(judge, {}));
  TRIVET_ASSIGN_OR_RETURN(const auto levels, levels_to_check(backend, options.isa));
  bool conforms = true;
  for (const auto& level : levels) {
    TRIVET_ASSIGN_OR_RETURN(const bool level_conforms,
                            check_level(backend, *reference, level, options.verbose));
    conforms = conforms && level_conforms;
  }
  return conforms;
}

}  // namespace

int conformance(const ConformanceCommandOptions& options) {
  const auto conforms = check(options);
  if (!conforms) return report_error(conforms.error());
  return *conforms ? 0 : 1;
}

}  // namespace trivet
