#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/markup.h"
#include "graph/ops/op_rules.h"
#include "graph/print.h"

namespace trivet {
namespace {

constexpr int kColumnWidth = 460;
constexpr int kBoxWidth = 390;
constexpr int kBoxHeight = 40;
constexpr int kGap = 14;
constexpr int kFramePad = 12;
constexpr int kTop = 70;

// A colour per family of operations.
std::string_view fill_of(const GraphNode& node) {
  if (node.as<trivet_linear_params>()) return "#dbe9fb";
  if (node.as<trivet_attention_params>() || node.as<trivet_kv_write_params>()) return "#fbe3d6";
  if (node.as<trivet_rms_norm_params>() || node.as<trivet_head_norm_params>()) return "#e2f2e1";
  if (node.as<trivet_rope_params>() || node.as<trivet_rope_table_params>()) return "#f1e6f8";
  return "#f2f2f2";
}

std::string clip(std::string text, size_t most) {
  if (text.size() <= most) return text;
  size_t end = most - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;  // whole characters
  return text.substr(0, end) + "...";
}

std::string short_name(const GraphNode& node) {
  const std::string prefix = fmt::format("layer.{}.", node.layer);
  if (node.layer >= 0 && node.name.starts_with(prefix)) return node.name.substr(prefix.size());
  return node.name;
}

// Number types of the node's weights over all layers of its kind: "q4_K/q6_K".
std::string dtypes_text(const Graph& graph, const LayerKind* kind, size_t position, size_t index) {
  std::set<std::string_view> names;
  auto collect = [&](const GraphNode& node) {
    for (WeightId weight : node.weights) {
      names.insert(dtype_name(graph.weights[static_cast<size_t>(weight)].dtype));
    }
  };
  collect(graph.nodes[index]);
  if (kind) {
    for (int layer : kind->layers) {
      size_t seen = 0;
      for (const GraphNode& node : graph.nodes) {
        if (node.layer == layer && seen++ == position) collect(node);
      }
    }
  }
  return fmt::format("{}", fmt::join(names, "/"));
}

// Draws one graph into a column and remembers how far down it got.
class ColumnDrawing {
 public:
  ColumnDrawing(const Graph& graph, int left) : graph_(graph), left_(left) {}

  void draw(const std::string& title) {
    text(left_ + kColumnWidth / 2, 28, "title", title);
    text(left_ + kColumnWidth / 2, 48, "note", fmt::format("{} operations", graph_.nodes.size()));
    const GraphOutline parts = outline(graph_);
    for (size_t index : parts.before) box(index, "");
    for (const LayerKind& kind : parts.kinds) frame(kind);
    for (size_t index : parts.after) box(index, "");
  }

  int bottom() const { return y_; }
  const std::string& svg() const { return svg_; }

 private:
  void text(int x, int y, std::string_view style, const std::string& content) {
    svg_ += fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\">{}</text>\n", x, y, style,
                        escape_markup(content));
  }

  void frame(const LayerKind& kind) {
    arrow();
    const int count = static_cast<int>(kind.node_index.size());
    const int height = 2 * kFramePad + 18 + count * kBoxHeight + (count - 1) * kGap;
    svg_ += fmt::format(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\" class=\"frame\"/>\n",
        left_ + (kColumnWidth - kBoxWidth) / 2 - kFramePad, y_, kBoxWidth + 2 * kFramePad, height);
    const auto layers = clip(layer_ranges(kind.layers), 40);
    text(left_ + kColumnWidth / 2, y_ + 20, "label",
         fmt::format("\u00d7 {} layers ({})", kind.layers.size(), layers));
    y_ += kFramePad + 18;
    fresh_ = true;
    for (size_t i = 0; i < kind.node_index.size(); ++i) {
      box(kind.node_index[i], dtypes_text(graph_, &kind, i, kind.node_index[i]));
    }
    y_ += kFramePad;
  }

  void box(size_t index, std::string dtypes) {
    const GraphNode& node = graph_.nodes[index];
    if (dtypes.empty()) dtypes = dtypes_text(graph_, nullptr, 0, index);
    arrow();
    const int x = left_ + (kColumnWidth - kBoxWidth) / 2;
    svg_ += fmt::format(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"5\" class=\"box\" fill=\"{}\"/>\n",
        x, y_, kBoxWidth, kBoxHeight, fill_of(node));
    std::string head = fmt::format("{}  {}", op_name(node.params), short_name(node));
    if (node.output != kNoValue) head += fmt::format("  \u2192 {}", graph_.cols(node.output));
    std::string detail = dtypes;
    for (const auto& [name, value] : op_rule(node.params).attributes(node)) {
      // The text form has them; here they would not fit.
      if (name == "cache" || name == "eps" || name == "scale") continue;
      detail += fmt::format("{}{}={}", detail.empty() ? "" : "  ", name, value);
    }
    text(left_ + kColumnWidth / 2, y_ + (detail.empty() ? 24 : 17), "op", clip(head, 52));
    if (!detail.empty()) text(left_ + kColumnWidth / 2, y_ + 32, "note", clip(detail, 62));
    y_ += kBoxHeight;
  }

  void arrow() {
    if (!fresh_) {
      const int x = left_ + kColumnWidth / 2;
      svg_ += fmt::format(
          "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"wire\" "
          "marker-end=\"url(#tip)\"/>\n",
          x, y_, x, y_ + kGap - 2);
      y_ += kGap;
    }
    fresh_ = false;
  }

  const Graph& graph_;
  int left_;
  int y_ = kTop;
  bool fresh_ = true;  // nothing above that an arrow could come from
  std::string svg_;
};

constexpr std::string_view kStyle =
    "<style>text{font-family:system-ui,sans-serif;text-anchor:middle;fill:#222}"
    ".title{font-size:17px;font-weight:600}.op{font-size:13px}.label{font-size:13px;font-weight:"
    "600}"
    ".note{font-size:11px;fill:#555}.box{stroke:#8a8a8a}.frame{fill:#fafafa;stroke:#b5b5b5;"
    "stroke-dasharray:5 3}.wire{stroke:#777}</style>\n"
    "<defs><marker id=\"tip\" viewBox=\"0 0 6 6\" refX=\"5\" refY=\"3\" markerWidth=\"6\" "
    "markerHeight=\"6\" orient=\"auto\"><path d=\"M0 0L6 3L0 6z\" "
    "fill=\"#777\"/></marker></defs>\n";

}  // namespace

std::string print_svg(std::span<const GraphColumn> columns) {
  std::string body;
  int bottom = kTop;
  for (size_t i = 0; i < columns.size(); ++i) {
    ColumnDrawing drawing(*columns[i].graph, static_cast<int>(i) * kColumnWidth);
    drawing.draw(columns[i].title);
    body += drawing.svg();
    bottom = std::max(bottom, drawing.bottom());
  }
  const int width = std::max<int>(1, static_cast<int>(columns.size())) * kColumnWidth;
  const int height = bottom + 24;
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\">\n"
      "{2}<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n{3}</svg>\n",
      width, height, kStyle, body);
}

}  // namespace trivet
