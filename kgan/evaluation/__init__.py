"""What generated images show."""

from kgan.evaluation.endpoints import Endpoints, find_endpoints
from kgan.evaluation.neighbours import NearestNeighbours

__all__ = ["Endpoints", "NearestNeighbours", "find_endpoints"]
