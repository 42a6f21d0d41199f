import numpy as np
from scipy.special import rel_entr


def _information_by_joint(p_x, q_z_given_x, p_z):
    joint = p_x[:, None] * q_z_given_x
    q_z = joint.sum(axis=0)
    return rel_entr(joint, p_x[:, None] * q_z).sum(), rel_entr(q_z, p_z).sum()


def _information_by_entropies(p_x, q_z_given_x, p_z):
    def cross(p, q):
        return -np.sum(np.where(p > 0, p * np.log(np.where(p > 0, q, 1)), 0), axis=-1)

    q_z = np.einsum("n,ng->g", p_x, q_z_given_x)
    information = cross(q_z, q_z) - np.dot(p_x, cross(q_z_given_x, q_z_given_x))
    return [information, cross(q_z, p_z) - cross(q_z, q_z)]


ALTERNATIVES = (_information_by_joint, _information_by_entropies)
