import Adapters
import Foundation
import ModelFiles
import RunConfiguration
import Transformers

/// The matrices that a configuration adapts, before anything is trained.
public struct AdaptedMatrix: Sendable, Equatable {
    /// For example `layer.3.query`.
    public let name: String
    public let outputs: Int
    public let inputs: Int

    /// In site order; empty for a method without adapters.
    public static func all(of config: RunConfig) throws -> [AdaptedMatrix] {
        guard config.method.hasAdapters else { return [] }
        let encoder = try TextEncoder(HFFolder(URL(fileURLWithPath: config.model)))
        let roles = config.targets.compactMap { LinearSite.Role(rawValue: $0.rawValue) }
        return try AdapterPlan.layers(of: roles, in: encoder.linearLayers).map {
            AdaptedMatrix(name: "\($0.site)", outputs: $0.outputs, inputs: $0.inputs)
        }
    }
}
