import Foundation
import RunFolders
import RunRecords
import TensorBoard
import Testing

/// What TensorBoard gets of a run of a model of two towers.
@Suite struct TowerLogTests {
    private func values(_ fixture: RunFolderFixture) throws -> [SummaryValue] {
        let run = try fixture.record()
        let log = TensorBoardLog(run: fixture.url, settings: [:])
        try log.append(.started(run.start, isEvaluationDue: false))
        for one in run.allocations { try log.append(.allocation(one)) }
        try log.append(
            .triplets(
                .init(
                    step: 40,
                    sites: run.start.sites.map { _ in
                        .init(
                            kept: [true], spectrum: Spectrum([1]), importance: [], orthogonalityError: nil,
                            keptEnergy: nil)
                    })))
        let folder = fixture.url.appendingPathComponent("tensorboard")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return try files.flatMap { file in
            EventRecords.read(try Data(contentsOf: file)).flatMap {
                EventMessage(serialized: $0.bytes)?.values ?? []
            }
        }
    }

    @Test func towersHaveTheirOwnTags() throws {
        let fixture = RunFolderFixture.towers()
        let values = try values(fixture)
        func scalars(_ tag: String) -> [Float] { values.filter { $0.tag == tag }.map(\.scalar) }
        #expect(scalars("Budget/budget_text") == [9, 4] && scalars("Budget/budget_vision") == [13, 8])
        #expect(scalars("Budget/total_rank_text") == [9, 4])
        #expect(scalars("Budget/total_rank_vision") == [13, 8])
        #expect(scalars("Ranknum/vision.layer.1.value") == [2, 2])
        let pictures = values.map(\.tag).filter { $0.hasSuffix("layers_by_roles") }
        #expect(pictures == ["Ranks/text_layers_by_roles", "Ranks/vision_layers_by_roles"])
    }

    @Test func aModelOfOneHasNone() throws {
        let fixture = RunFolderFixture.small()
        let tags = try values(fixture).map(\.tag)
        #expect(
            tags.contains("Ranks/layers_by_roles") && !tags.contains { $0.hasPrefix("Budget/total_rank_") })
        #expect(!tags.contains { $0.hasPrefix("Budget/budget_") })
    }
}
