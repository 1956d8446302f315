// The models that `trivet pull NAME` knows by name.
#ifndef TRIVET_WEIGHTS_CATALOG_H_
#define TRIVET_WEIGHTS_CATALOG_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trivet {

// A model that lies, whole or in parts that are joined in order, in packages of the Python index.
struct CatalogModel {
  std::string_view name;
  std::string_view description;
  std::string_view licence;
  std::string_view file_name;
  uint64_t bytes;
  std::string_view sha256;
  // Package of part i (from 1): package_prefix, and the number if there is more than one.
  std::string_view package_prefix;
  std::string_view version;
  int num_parts;
  // File in it: member_prefix, and for several parts two digits from first_member_number,
  // member_suffix.
  std::string_view member_prefix;
  int first_member_number;
  std::string_view member_suffix;
};

struct PackagePart {
  std::string package;  // "name==version"
  std::string member;   // how the path inside the package ends
};

std::span<const CatalogModel> catalog();
const CatalogModel* find_in_catalog(std::string_view name);  // nullptr = unknown
std::string package_source(const CatalogModel& model);       // as a manifest names it
std::vector<PackagePart> package_parts(const CatalogModel& model);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_CATALOG_H_
