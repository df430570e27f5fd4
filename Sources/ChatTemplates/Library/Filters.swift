/// The filters by name.
enum Filters {
    static let all: [String: Filter] = [TextFilters.all, ListFilters.all, NumberFilters.all].reduce(into: [:])
    {
        $0.merge($1) { first, _ in first }
    }
}
