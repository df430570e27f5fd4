import Charts
import Foundation

/// Ranks as a picture that is laid out as the report's map: layers from top to bottom, roles from left to right, and what
/// the colors mean below.
package struct RankImage {
    package let width: Int
    package let height: Int
    package let png: Data

    package static let cellHeight = 22
    package static let top = 26

    /// Where the cells of a column begin, and how far it is to the next.
    package static func left(_ rowLabels: [String]) -> Int {
        max(rowLabels.map(PixelPicture.width).max() ?? 0, PixelPicture.width("rank")) + 14
    }

    package static func cellWidth(_ columnLabels: [String]) -> Int {
        max((columnLabels.map(PixelPicture.width).max() ?? 0) + 10, 48)
    }

    private static let text = Palette.light.text
    private static let muted = Palette.light.muted
    private static let line = RGB(0xB5BDC6)

    /// - Parameters:
    ///   - ranks: by layer and role; nil where the model has no such matrix.
    ///   - largest: the rank of the last color; greater ones have it too.
    package init(_ ranks: [[Int?]], layers: [String], roles: [String], largest: Int) {
        let (left, cell) = (Self.left(layers), Self.cellWidth(roles))
        let legendTop = Self.top + ranks.count * Self.cellHeight + 12
        let last = max(largest, 1)
        let legend = Self.legend(last)
        var picture = PixelPicture(
            width: max(left + roles.count * cell, left + legend.count * Self.square) + 10,
            height: legendTop + 2 * Self.cellHeight)
        for (column, role) in roles.enumerated() {
            picture.write(
                role, left + column * cell + (cell - PixelPicture.width(role)) / 2, 6, Self.muted)
        }
        for (row, layer) in layers.enumerated() {
            let y = Self.top + row * Self.cellHeight
            picture.write(layer, left - 8 - PixelPicture.width(layer), y + 3, Self.muted)
            for (column, rank) in (row < ranks.count ? ranks[row] : []).enumerated() {
                Self.draw(rank, of: last, on: &picture, x: left + column * cell, y: y, width: cell)
            }
        }
        picture.write("rank", 4, legendTop + 3, Self.text)
        for (index, rank) in legend.enumerated() {
            let x = left + index * Self.square
            Self.draw(rank, of: last, on: &picture, x: x, y: legendTop, width: Self.square)
        }
        (width, height, png) = (picture.width, picture.height, picture.png())
    }

    private static let square = 36

    /// 0 and ranks up to the last, all or evenly spaced.
    private static func legend(_ last: Int) -> [Int] {
        let most = 9
        guard last > most else { return Array(0...last) }
        return [0] + (0..<most).map { 1 + ((last - 1) * $0 + (most - 1) / 2) / (most - 1) }
    }

    /// The color of a rank from 1 on.
    package static func color(_ rank: Int, of largest: Int) -> RGB {
        HeatColors.color(
            at: Double(min(rank, largest)) / Double(max(largest, 2)), diverging: false)
    }

    private static func draw(
        _ rank: Int?, of largest: Int, on picture: inout PixelPicture, x: Int, y: Int, width: Int
    ) {
        let (inner, height) = (width - 1, cellHeight - 1)
        guard let rank else {
            for offset in stride(from: 0, to: inner, by: 6) { picture.fill(x + offset, y, 1, height, line) }
            return
        }
        let fill = rank > 0 ? color(rank, of: largest) : Palette.light.background
        picture.fill(x, y, inner, height, rank > 0 ? fill : line)
        if rank == 0 { picture.fill(x + 1, y + 1, inner - 2, height - 2, fill) }
        let label = "\(rank)"
        picture.write(
            label, x + (inner - PixelPicture.width(label)) / 2, y + (height - PixelPicture.letterHeight) / 2,
            rank > 0 ? Palette.textColor(on: fill) : muted)
    }
}
