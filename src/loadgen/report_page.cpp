#include "loadgen/report_page.h"

#include <fmt/format.h>

#include "base/markup.h"

namespace trivet {
namespace {

constexpr std::string_view kPageStyle = R"(
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:2rem auto;max-width:1360px;padding:0 1rem}
h1{font-size:1.5rem;margin:0}p.about{color:var(--soft);margin:.3rem 0 1.5rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:.8rem;margin-bottom:1.5rem}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.7rem .9rem}
.tile b{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums}.tile span{color:var(--soft);font-size:.85rem}
table{border-collapse:collapse;width:100%;margin-bottom:1.5rem;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .7rem;text-align:right;border-bottom:1px solid var(--line)}th:first-child,td:first-child{text-align:left}
th{color:var(--soft);font-weight:600}.bad{color:var(--bad)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,560px),1fr));gap:1rem}
svg{width:100%;background:var(--card);border:1px solid var(--line);border-radius:10px})";

}  // namespace

const std::string_view kReportColours = R"(
:root{--ink:#1c2430;--soft:#5b6675;--line:#d9dee5;--paper:#fff;--card:#f6f8fa;
--c0:#1f6feb;--c1:#d9730d;--c2:#1a7f37;--c3:#8250df;--bad:#cf222e}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa7b4;--line:#333c47;--paper:#0d1117;--card:#161b22;
--c0:#58a6ff;--c1:#f0a35e;--c2:#56d364;--c3:#bc8cff;--bad:#ff7b72}})";

const std::string_view kPlotStyle = R"(
svg text{fill:var(--soft);font-size:11.5px;font-family:system-ui,sans-serif}svg .title{fill:var(--ink);font-size:13px;font-weight:600}
.grid{stroke:var(--line);stroke-width:1}.limit{stroke:var(--bad);stroke-dasharray:5 4}
polyline{fill:none;stroke-width:1.8}polyline.s0{stroke:var(--c0)}polyline.s1{stroke:var(--c1)}polyline.s2{stroke:var(--c2)}polyline.s3{stroke:var(--c3)}
circle.s0{fill:var(--c0)}circle.s1{fill:var(--c1)}text.name{font-weight:600}
text.name.s0{fill:var(--c0)}text.name.s1{fill:var(--c1)}text.name.s2{fill:var(--c2)}text.name.s3{fill:var(--c3)})";

std::string report_page(std::string_view title, std::string_view about, std::string_view body) {
  return fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>{0}</title><style>{1}{2}{3}</style></head><body>"
      "<h1>{0}</h1><p class=\"about\">{4}</p>{5}</body></html>\n",
      escape_markup(title), kReportColours, kPageStyle, kPlotStyle, escape_markup(about), body);
}

std::string report_tile(std::string_view figure, std::string_view name) {
  return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>", escape_markup(figure),
                     escape_markup(name));
}

}  // namespace trivet
