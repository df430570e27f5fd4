import Foundation

/// The candidate that `name` was probably meant to be; nil when none is near.
///
/// Underscores and capitals count as hyphens and small letters. Of equally near candidates the first is chosen.
package func nearestName(to name: String, in candidates: [String]) -> String? {
    let longest = 40  // no name is near this long, and the distance costs length times length
    guard name.unicodeScalars.count <= longest else { return nil }
    let wanted = name.lowercased().replacingOccurrences(of: "_", with: "-")
    let tolerance = max(1, min(3, wanted.count / 3))
    var best: (name: String, distance: Int)?
    for candidate in candidates {
        let distance = editDistance(wanted, candidate)
        if distance <= tolerance, distance < best?.distance ?? Int.max { best = (candidate, distance) }
    }
    return best?.name
}

/// The fewest insertions, deletions, replacements and swaps of neighbors that turn one text into the other
/// (optimal string alignment).
package func editDistance(_ first: String, _ second: String) -> Int {
    let a = Array(first.unicodeScalars)
    let b = Array(second.unicodeScalars)
    var older = [Int](repeating: 0, count: b.count + 1)
    var previous = Array(0...b.count)
    for i in a.indices {
        var current = [Int](repeating: i + 1, count: b.count + 1)
        for j in b.indices {
            let replaced = previous[j] + (a[i] == b[j] ? 0 : 1)
            current[j + 1] = min(replaced, previous[j + 1] + 1, current[j] + 1)
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                current[j + 1] = min(current[j + 1], older[j - 1] + 1)
            }
        }
        older = previous
        previous = current
    }
    return previous[b.count]
}
