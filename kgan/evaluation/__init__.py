"""What generated images show."""

from kgan.evaluation.endpoints import Endpoints, NoEndpointsError, find_endpoints
from kgan.evaluation.neighbours import NearestNeighbours

__all__ = ["Endpoints", "NearestNeighbours", "NoEndpointsError", "find_endpoints"]
