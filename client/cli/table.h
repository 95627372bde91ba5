// Table: rows in aligned columns, for people.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace billbroker {

class Table final {
 public:
  // An empty header prints none.
  explicit Table(std::vector<std::string> header = {});

  // As many cells as one likes; control characters in them become '?'.
  void Add(std::vector<std::string> row);

  // Two spaces between columns, none at the end of a line.
  void Print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace billbroker
