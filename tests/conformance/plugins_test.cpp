// Every backend plugin of this build, at every instruction level that this machine can run, against
// the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <iostream>
#include <sstream>

#include "device/conformance.h"
#include "reference/reference_backend.h"

namespace trivet {
namespace {

std::string plugin_path(const std::string& name) {
  return TRIVET_PLUGIN_FOLDER "/libtrivet_backend_" + name + ".so";
}

std::vector<std::string> levels_of(const std::string& plugin) {
  auto backend = Backend::load(plugin_path(plugin));
  if (!backend) return {""};
  auto device = Device::create(*backend, {});
  if (!device) return {""};
  std::vector<std::string> levels;
  std::istringstream list((*device)->info().isa_levels);
  for (std::string level; std::getline(list, level, ',');) levels.push_back(level);
  return levels.empty() ? std::vector<std::string>{""} : levels;
}

struct PluginLevel {
  std::string plugin, level;
};

std::vector<PluginLevel> all_levels() {
  std::vector<PluginLevel> all;
  for (const std::string plugin : {TRIVET_PLUGINS})
    for (const std::string& level : levels_of(plugin)) all.push_back({plugin, level});
  return all;
}

std::string case_name(const ::testing::TestParamInfo<PluginLevel>& info) {
  std::string name = info.param.plugin + "_" + info.param.level;
  std::replace_if(name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

class Plugin : public ::testing::TestWithParam<PluginLevel> {};

TEST_P(Plugin, Conforms) {
  auto backend = Backend::load(plugin_path(GetParam().plugin));
  ASSERT_TRUE(backend.ok()) << backend.error().message();
  DeviceOptions options{.num_threads = 2};
  if (!GetParam().level.empty()) options.isa = GetParam().level;
  auto candidate = Device::create(*backend, options);
  ASSERT_TRUE(candidate.ok()) << candidate.error().message();
  auto reference = Device::create(*Backend::from_table(reference_backend()), {.num_threads = 2});
  ASSERT_TRUE(reference.ok()) << reference.error().message();

  const auto report = run_conformance(**candidate, **reference, {}, [](const ConformanceCase& c) {
    if (c.status == ConformanceStatus::kFail) print_conformance_case(c, std::cout);
  });
  print_conformance_summary(report, std::cout);
  EXPECT_TRUE(report.conforms());
  EXPECT_GT(report.count(ConformanceStatus::kPass), 0);
}

INSTANTIATE_TEST_SUITE_P(All, Plugin, ::testing::ValuesIn(all_levels()), case_name);

}  // namespace
}  // namespace trivet
