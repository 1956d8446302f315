#include "graph/graph.h"

#include <fmt/format.h>

#include "commands.h"
#include "engine/model_loader.h"
#include "graph/passes/pass_list.h"
#include "graph/print.h"
#include "model_access.h"
#include "terminal.h"

namespace trivet {
namespace {

int list_passes() {
  for (const Pass& pass : pass_list()) {
    fmt::print("{:<24} {}{}{}\n", pass.name, pass.description,
               pass.bit_exact ? "" : " (changes rounding)",
               pass.on_by_default ? "" : " (off by default)");
  }
  return 0;
}

std::string render(const GraphOptions& options, const std::vector<GraphColumn>& columns) {
  if (options.format == "svg") return print_svg(columns);
  std::string out;
  if (options.format == "json") {
    for (const GraphColumn& column : columns) {
      out += fmt::format("{}\"{}\": {}", out.empty() ? "{" : ",\n", column.title,
                         print_json(*column.graph));
    }
    return out + "}\n";
  }
  for (const GraphColumn& column : columns) {
    if (columns.size() > 1) out += styled(Style::kBold, column.title, 1) + "\n";
    out += print_text(*column.graph) + "\n";
  }
  return out;
}

Result<std::string> show(const GraphOptions& options) {
  TRIVET_ASSIGN_OR_RETURN(const std::string path, find_model(options.model, options.store));
  TRIVET_ASSIGN_OR_RETURN(const GraphStages stages,
                          open_graph_stages(path, options.disabled_passes));
  std::vector<GraphColumn> columns;
  if (options.stage != "after") columns.push_back({"before", &stages.before});
  if (options.stage != "before") columns.push_back({"after", &stages.after});
  return render(options, columns);
}

}  // namespace

int graph(const GraphOptions& options) {
  if (options.list_passes) return list_passes();
  if (options.model.empty()) {
    return report_error(Error(ErrorCode::kInvalidArgument, "name a MODEL, or give --list-passes"));
  }
  const auto text = show(options);
  if (!text) return report_error(text.error());
  fmt::print("{}", *text);
  return 0;
}

}  // namespace trivet
